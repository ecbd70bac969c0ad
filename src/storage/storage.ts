import { type Clock, systemClock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import { SharedWork } from "../core/shared-work.ts";
import { type ArchiveLimits, DEFAULT_LIMITS } from "./archive/limits.ts";
import { ContentCache } from "./content-cache.ts";
import type { Fetched } from "./fetched.ts";
import { LocalArtefacts } from "./local-artefacts.ts";
import { locationOf } from "./location.ts";
import { Turns } from "./turns.ts";
import { pathInVolume } from "./volumes.ts";
import { WebArtefacts } from "./web-artefacts.ts";

export interface StorageOptions {
  /** Where downloads are kept, content-addressed, shared by all models. */
  readonly cacheDirectory: string;
  /** Folders that stand for persistent volume claims: pvc://NAME/path. */
  readonly volumes: Readonly<Record<string, string>>;
  /** What unpacking an archive may use at most. */
  readonly limits?: Partial<ArchiveLimits>;
  readonly clock?: Clock;
}

export interface FetchRequest {
  readonly uri: string;
  /** Folder that relative paths begin at. Absolute. */
  readonly baseDirectory: string;
  /** Expected SHA-256, hex, of the downloaded file (annotation nitrous/sha256). */
  readonly sha256?: string;
}

export interface Storage {
  /**
   * The local file or folder that a URI stands for; downloaded, checked and unpacked first where needed.
   * @throws ServeError UNAVAILABLE when it may work later, DATA_LOSS for damaged or wrong content, NOT_FOUND,
   * PERMISSION_DENIED, INVALID_ARGUMENT, FAILED_PRECONDITION (refused archives, sources of later versions) or
   * RESOURCE_EXHAUSTED (full disk); the reason of the signal when it was aborted
   */
  fetch(request: FetchRequest, onProgress: (line: string) => void, signal: AbortSignal): Promise<Fetched>;
}

export function createStorage(options: StorageOptions): Storage {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const cache = new ContentCache(options.cacheDirectory, limits);
  const local = new LocalArtefacts(cache);
  const web = new WebArtefacts(cache, options.clock ?? systemClock);
  const shared = new SharedWork<Fetched>();
  // A caller who comes while an abandoned download is still letting go of its partial file waits for that.
  const turns = new Turns();

  return {
    async fetch({ uri, baseDirectory, sha256: expected }, onProgress, signal) {
      const location = locationOf(uri);
      const sha256 = expected === undefined ? undefined : checkedHash(expected);
      if (location.kind === "web") {
        const { url } = location;
        const work = (say: (line: string) => void, stop: AbortSignal) => turns.take(url.href, () => web.fetch(url, sha256, say, stop));
        return await shared.run(`${url.href}\n${sha256 ?? ""}`, work, onProgress, signal);
      }
      const found =
        location.kind === "volume"
          ? await local.find(pathInVolume(location.name, location.path, options.volumes))
          : await local.find(location.path, baseDirectory);
      const work = (say: (line: string) => void, stop: AbortSignal) => local.use(found, sha256, say, stop);
      return await shared.run(`${found.path}\n${sha256 ?? ""}`, work, onProgress, signal);
    },
  };
}

function checkedHash(expected: string): string {
  const hash = expected.trim().toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hash)) return hash;
  throw new ServeError("INVALID_ARGUMENT", `the expected SHA-256 is ${JSON.stringify(expected)}; it has to be 64 hexadecimal digits`);
}
