import type { RequestContext } from "../core/context.ts";
import type { ModelVersion } from "./model-version.ts";

/** One immutable generation of a service, as requests reach it. */
export interface ServedRevision {
  /** Unique among those of its service, such as `iris-00003`. */
  readonly name: string;
  /** Of the spec that it was made of. */
  readonly generation: number;
  /** Other names, which are another revision's in time: `latest`, `prev`, the name of a canary, `v2` for a version. */
  readonly tags: readonly string[];
  /** Of the requests that name no revision. What all together lack of 100 is the first one's. */
  readonly percent: number;
  /** Ascending; at least one. */
  readonly versions: readonly ModelVersion[];
  /** The one that answers requests which name no version; without it the highest that answers. */
  readonly version?: string;
}

/** The header with the key of a stable assignment; the annotation `nitrous/affinity-header` may name another one besides. */
export const AFFINITY_HEADER = "nitrous-affinity";

/** The revision that has the name or the tag. */
export function revisionNamed(revisions: readonly ServedRevision[], asked: string): ServedRevision | undefined {
  return revisions.find(({ name }) => name === asked) ?? revisions.find(({ tags }) => tags.includes(asked));
}

export function answers({ versions, version: wanted }: ServedRevision): boolean {
  return versions.some((version) => version.answers && (wanted === undefined || version.spec.version === wanted));
}

/**
 * The revision at a point in [0, 100). The first one is in the middle, the others take their shares from both ends in turn: when the
 * share of one of two of them changes, only the points that move change their revision.
 */
export function revisionAt(revisions: readonly ServedRevision[], point: number): ServedRevision {
  let low = 0;
  let high = 100;
  for (let index = 1; index < revisions.length; index++) {
    const revision = revisions[index] as ServedRevision;
    if (index % 2 === 1) {
      low += revision.percent;
      if (point < low) return revision;
    } else {
      high -= revision.percent;
      if (point >= high) return revision;
    }
  }
  return revisions[0] as ServedRevision;
}

/** The key that a request brings for a stable assignment. */
export function affinityOf({ affinity, headers }: RequestContext, header: string): string | undefined {
  if (affinity !== undefined) return affinity;
  const value = headers?.[header] ?? headers?.[AFFINITY_HEADER];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A point in [0, 100) that is always the same for a key of a service, and evenly spread over keys: FNV-1a, with MurmurHash3's end. */
export function pointOf(service: string, key: string): number {
  let hash = 0x811c9dc5;
  for (const text of [service, "\0", key]) {
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32) * 100;
}
