import type { InferenceService } from "../core/resource.ts";
import { ANNOTATIONS } from "../resources/index.ts";

/** Where artefacts come from. */
export interface ArtefactSource {
  /** The local file or folder that a storageUri stands for. @throws ServeError */
  fetch(
    request: { readonly uri: string; readonly baseDirectory: string; readonly sha256?: string },
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<{ readonly path: string }>;
}

export interface FetchOptions {
  readonly source: ArtefactSource;
  /** Where relative URIs of services without an annotation begin. Absolute. */
  readonly baseDirectory: string;
  /** Files that are on this machine are watched from now on; undefined when they are not. */
  readonly follow?: ((path: string) => Promise<void>) | undefined;
}

export interface FetchedArtefact {
  /** Absolute, of a file or folder. */
  readonly path: string;
  readonly isFollowed: boolean;
}

/** Brings the artefact of a service here, as its annotations say. @throws ServeError */
export async function fetchArtefact(
  { annotations }: InferenceService,
  uri: string,
  { source, baseDirectory: defaultDirectory, follow }: FetchOptions,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<FetchedArtefact> {
  const sha256 = annotations[ANNOTATIONS.sha256];
  const baseDirectory = annotations[ANNOTATIONS.baseDirectory] ?? defaultDirectory;
  report(`fetching ${withoutQuery(uri)}`);
  const { path } = await source.fetch({ uri, baseDirectory, ...(sha256 === undefined ? {} : { sha256 }) }, report, signal);
  // Before anybody looks into them: what changes from here on is seen.
  const isFollowed = follow !== undefined && isLocal(uri);
  if (isFollowed) await follow(path);
  return { path, isFollowed };
}

/** What it names is read where it is, and was not downloaded. */
function isLocal(uri: string): boolean {
  return /^(file:|pvc:)/i.test(uri) || !uri.includes("://");
}

/** Queries may hold signatures. */
function withoutQuery(uri: string): string {
  return uri.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1").replace(/\?.*$/s, "");
}
