import type { ClientMemory, ClientRegion, HeldRange, RegionUse } from "../core/client-memory.ts";
import type { Clock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import { openObject, type SharedObject } from "./shared-object.ts";

export interface ClientRegionsOptions {
  /** Otherwise nothing can be registered. */
  readonly allowed: boolean;
  readonly clock: Clock;
  /** Where the objects are; for tests. */
  readonly directory?: string;
}

interface Region extends ClientRegion {
  readonly owner: string;
  readonly object: SharedObject;
  /** Requests that use it now. */
  holds: number;
  leaving: boolean;
  /** Clock milliseconds. */
  usedAt: number;
}

/** Each holds a file descriptor. */
const MAX_REGIONS = 1024;
const MAX_NAME = 256;
/** So often it is looked whether objects of regions are still there. Milliseconds. */
const SWEEP_MS = 60_000;
const MAX_SIZE = (1n << 64n) - 1n;

/**
 * Regions are read and written through their file descriptors and never mapped: a client that makes its object smaller gets an error, where
 * a mapping would end the server. An object that its client has unlinked and not used for a minute is let go.
 */
export class ClientRegions implements ClientMemory {
  readonly #options: ClientRegionsOptions;
  readonly #regions = new Map<string, Region>();
  /** Registrations under way. */
  readonly #coming = new Set<string>();
  #cancelSweep: (() => void) | undefined;

  constructor(options: ClientRegionsOptions) {
    this.#options = options;
  }

  async register(region: ClientRegion, owner: string): Promise<void> {
    this.#assertAllowed();
    const { name, key, offset, byteSize } = region;
    if (name === "" || name.length > MAX_NAME)
      throw invalid(`'region name' is necessary to register system shared memory region: 1 to ${MAX_NAME} characters`);
    const id = idOf(name, owner);
    if (this.#regions.has(id) || this.#coming.has(id))
      throw new ServeError("ALREADY_EXISTS", `shared memory region '${name}' already in manager`);
    if (this.#regions.size + this.#coming.size >= MAX_REGIONS)
      throw new ServeError("RESOURCE_EXHAUSTED", `${MAX_REGIONS} shared memory regions are registered; unregister some of them`);
    this.#coming.add(id);
    try {
      const object = await openObject(this.#options.directory ?? "/dev/shm", name, key);
      const size = object.size();
      if (!isWithin(offset, byteSize, size)) {
        object.close();
        const found = `${byteSize} bytes from ${offset} were asked for, and the object has ${size}`;
        throw invalid(`failed to register shared memory region '${name}': invalid args: ${found}`);
      }
      this.#regions.set(id, { ...region, owner, object, holds: 0, leaving: false, usedAt: this.#options.clock.now() });
    } finally {
      this.#coming.delete(id);
    }
    this.#cancelSweep ??= this.#options.clock.after(SWEEP_MS, () => this.#sweep());
  }

  unregister(name: string | undefined, owner: string): void {
    this.#assertAllowed();
    const leaving = name === undefined ? this.#of(owner) : [this.#regions.get(idOf(name, owner))];
    for (const region of leaving) if (region !== undefined) this.#leave(region);
  }

  status(name: string | undefined, owner: string): readonly ClientRegion[] {
    if (name === undefined) return this.#of(owner).map(shown);
    const region = this.#regions.get(idOf(name, owner));
    if (region === undefined) throw new ServeError("NOT_FOUND", `Unable to find system shared memory region: '${name}'`);
    return [shown(region)];
  }

  hold({ region: name, offset, byteSize }: RegionUse, owner: string): HeldRange {
    const region = this.#regions.get(idOf(name, owner));
    if (region === undefined || region.leaving) throw new ServeError("NOT_FOUND", `Unable to find shared memory region: '${name}'`);
    if (offset < 0 || offset >= region.byteSize) throw invalid(`Invalid offset for shared memory region: '${name}'`);
    if (BigInt(byteSize) > MAX_SIZE - BigInt(offset)) {
      const sum = `byte_size (${byteSize}) + offset (${offset}) exceeds maximum value (${MAX_SIZE})`;
      throw invalid(`Integer overflow detected: ${sum} for region '${name}'`);
    }
    if (byteSize < 0 || BigInt(offset) + BigInt(byteSize) > BigInt(region.byteSize))
      throw invalid(`Invalid offset + byte size for shared memory region: '${name}'`);
    region.holds++;
    const start = region.offset + Number(offset);
    const length = Number(byteSize);
    let released = false;
    return {
      byteSize: length,
      read: () => region.object.read(start, length, name),
      write: (pieces) => region.object.write(start, pieces, name),
      release: () => {
        if (released) return;
        released = true;
        region.holds--;
        region.usedAt = this.#options.clock.now();
        this.#letGo(region);
      },
    };
  }

  /** Everything is let go: at once, or when the requests that use it have ended. */
  close(): void {
    this.#cancelSweep?.();
    for (const region of this.#regions.values()) this.#leave(region);
  }

  #of(owner: string): Region[] {
    return [...this.#regions.values()].filter((region) => region.owner === owner);
  }

  #leave(region: Region): void {
    region.leaving = true;
    this.#letGo(region);
  }

  #letGo(region: Region): void {
    if (!region.leaving || region.holds > 0) return;
    region.object.close();
    this.#regions.delete(idOf(region.name, region.owner));
  }

  #sweep(): void {
    this.#cancelSweep = undefined;
    const before = this.#options.clock.now() - SWEEP_MS;
    for (const region of this.#regions.values()) {
      if (region.usedAt <= before && !region.object.isLinked()) this.#leave(region);
    }
    if (this.#regions.size > 0) this.#cancelSweep = this.#options.clock.after(SWEEP_MS, () => this.#sweep());
  }

  #assertAllowed(): void {
    if (this.#options.allowed) return;
    throw new ServeError("UNIMPLEMENTED", "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.");
  }
}

function isWithin(offset: number, byteSize: number, size: number): boolean {
  return Number.isSafeInteger(offset) && Number.isSafeInteger(byteSize) && offset >= 0 && byteSize > 0 && offset + byteSize <= size;
}

function shown({ name, key, offset, byteSize }: Region): ClientRegion {
  return { name, key, offset, byteSize };
}

function idOf(name: string, owner: string): string {
  return `${owner}\0${name}`;
}

function invalid(message: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", message);
}
