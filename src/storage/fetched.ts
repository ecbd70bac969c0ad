/** What a storageUri came to. */
export interface Fetched {
  /** Absolute path of a local file or folder. */
  readonly path: string;
  /** Size of the file that was downloaded or checked. */
  readonly bytes?: number;
  /** Its SHA-256, hex. */
  readonly sha256?: string;
}
