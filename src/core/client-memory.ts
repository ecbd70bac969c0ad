/** A part of a shared memory object that a client has made and named, for tensors that it does not want to send. */
export interface ClientRegion {
  /** As requests call it. */
  readonly name: string;
  /** Of the object, as in shm_open: a slash and a name without slashes. */
  readonly key: string;
  /** Bytes from the object's beginning. */
  readonly offset: number;
  readonly byteSize: number;
}

/** Where a tensor is, as a request says it; bigints are what JSON and protobuf have for numbers that no region has. */
export interface RegionUse {
  readonly region: string;
  /** Bytes from the region's beginning. */
  readonly offset: number | bigint;
  readonly byteSize: number | bigint;
}

/** Bytes of a region that stays registered until they are released. */
export interface HeldRange {
  readonly byteSize: number;
  /** A copy. @throws ServeError INVALID_ARGUMENT when the client has made its object smaller meanwhile */
  read(): Promise<Uint8Array>;
  /** At most `byteSize` bytes, in pieces that follow each other. @throws as {@link read} */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  release(): void;
}

/**
 * Shared memory of clients on the same machine, as in Triton's system shared memory extension. A region belongs to whoever registered it
 * (`owner`, the principal of the request); for everybody else it is not there.
 */
export interface ClientMemory {
  /** @throws ServeError UNIMPLEMENTED when the server does not allow it, ALREADY_EXISTS, INVALID_ARGUMENT, PERMISSION_DENIED */
  register(region: ClientRegion, owner: string): Promise<void>;
  /**
   * Of all regions of the owner without a name. One that a request uses goes when that has ended; one that is not there is no error.
   * @throws ServeError UNIMPLEMENTED when the server does not allow it
   */
  unregister(name: string | undefined, owner: string): void;
  /** All of the owner without a name. @throws ServeError NOT_FOUND */
  status(name: string | undefined, owner: string): readonly ClientRegion[];
  /** @throws ServeError NOT_FOUND, INVALID_ARGUMENT for what is outside of the region */
  hold(use: RegionUse, owner: string): HeldRange;
}
