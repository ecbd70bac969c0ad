/** What unpacking one archive may use at most. */
export interface ArchiveLimits {
  /** Bytes of all files together. */
  readonly bytes: number;
  /** Bytes of all files together, over the bytes of the archive; looked at from 16 MiB of files on. */
  readonly ratio: number;
  /** Files and folders. */
  readonly entries: number;
  /** UTF-8 bytes of one path in the archive. */
  readonly pathBytes: number;
}

const GIBIBYTE = 1024 ** 3;

export const DEFAULT_LIMITS: ArchiveLimits = { bytes: 256 * GIBIBYTE, ratio: 200, entries: 200_000, pathBytes: 1024 };

/** Unpacked bytes below which no ratio is suspicious: a small file of zeros is no bomb. */
export const RATIO_FLOOR = 16 * 1024 ** 2;
