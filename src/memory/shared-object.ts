import { close, constants, fstatSync, lstatSync, open, read, readSync, writev, writevSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ServeError } from "../core/errors.ts";

/** A POSIX shared memory object, opened once. */
export interface SharedObject {
  /** Bytes that it has now. */
  size(): number;
  /** Its name still leads to it. */
  isLinked(): boolean;
  /** @throws ServeError INVALID_ARGUMENT when the object has become too small; `region` is for the message */
  read(start: number, length: number, region: string): Promise<Uint8Array>;
  /** @throws as {@link read} */
  write(start: number, pieces: readonly Uint8Array[], region: string): Promise<void>;
  close(): void;
}

const openFile = promisify(open);
const readFile = promisify(read);
const writeFile = promisify(writev);

/** Fewer bytes are copied sooner than another thread is woken. */
const AT_ONCE = 64 * 1024;
/** Of one call of writev (IOV_MAX of Linux). */
const MAX_PIECES = 1024;
/** POSIX semaphores lie beside the objects, under names that begin so. */
const SEMAPHORES = "sem.";
/** What Triton's Python backend, which may run on the same machine, keeps for itself. */
const RESERVED = "triton_python_backend_shm_region_";
const MAX_KEY = 255;
/** Everybody may read and write it. */
const SHARED_BY_ALL = 0o006;

/**
 * Opens what `shm_open` would: a regular file of the server's own user, or one that its owner has opened to all.
 * @throws ServeError INVALID_ARGUMENT, NOT_FOUND or PERMISSION_DENIED with what to do
 */
export async function openObject(directory: string, region: string, key: string): Promise<SharedObject> {
  // Python's clients put a slash before keys that begin with one already.
  const name = key.replace(/^\/+/, "");
  if (name === "" || name === "." || name === ".." || name.length > MAX_KEY || /[/\0]/.test(name) || name.startsWith(SEMAPHORES)) {
    const hint = "expected a slash and a name without slashes";
    throw new ServeError("INVALID_ARGUMENT", `cannot register shared memory region '${region}' - invalid shm key '${key}': ${hint}`);
  }
  if (name.startsWith(RESERVED)) {
    const text = `cannot register shared memory region '${region}' with key '${key}' as the key contains the reserved prefix '${RESERVED}'`;
    throw new ServeError("INVALID_ARGUMENT", text);
  }
  const path = join(directory, name);
  let file: number;
  try {
    file = await openFile(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw notOpened(error, key);
  }
  const { dev, ino, uid, mode } = fstatSync(file);
  const named = lstatSync(path, { throwIfNoEntry: false });
  const isSame = named?.dev === dev && named.ino === ino && named.isFile();
  const isShared = uid === process.getuid?.() || (mode & SHARED_BY_ALL) === SHARED_BY_ALL;
  if (!isSame || !isShared) {
    close(file);
    if (!isSame) throw new ServeError("INVALID_ARGUMENT", `Invalid shared memory region: '${key}': it is no shared memory object`);
    const hint = "run the client as the server's user, or make the object with mode 0666";
    throw new ServeError("PERMISSION_DENIED", `Unable to open shared memory region: '${key}': it belongs to another user; ${hint}`);
  }
  return objectOf(file);
}

function notOpened(error: unknown, key: string): ServeError {
  const { code } = error as NodeJS.ErrnoException;
  const text = `Unable to open shared memory region: '${key}'`;
  if (code === "EACCES" || code === "EPERM")
    return new ServeError("PERMISSION_DENIED", `${text}: the server's user may not read and write it`);
  if (code === "ENOENT") return new ServeError("INVALID_ARGUMENT", `${text}: there is no such object on the server's machine`);
  if (code === "ELOOP") return new ServeError("INVALID_ARGUMENT", `${text}: it is a link, and links are not followed`);
  if (code === "EISDIR") return new ServeError("INVALID_ARGUMENT", `${text}: it is a folder`);
  return new ServeError("INVALID_ARGUMENT", `${text}: ${code ?? "it cannot be opened"}`);
}

function objectOf(file: number): SharedObject {
  let closed = false;
  // A descriptor that has been closed may be another file's by now.
  const assertHas = (bytes: number, region: string): void => {
    const found = closed ? 0 : fstatSync(file).size;
    if (found >= bytes) return;
    throw new ServeError(
      "INVALID_ARGUMENT",
      `shared memory region '${region}' ends at byte ${bytes} of its object, which has only ${found} now: its client has made it smaller`,
    );
  };
  return {
    size: () => (closed ? 0 : fstatSync(file).size),
    isLinked: () => !closed && fstatSync(file).nlink > 0,
    async read(start, length, region) {
      assertHas(start + length, region);
      const bytes = Buffer.allocUnsafeSlow(length);
      for (let done = 0; done < length; ) {
        const place = start + done;
        const count =
          length <= AT_ONCE
            ? readSync(file, bytes, done, length - done, place)
            : (await readFile(file, bytes, done, length - done, place)).bytesRead;
        done += count;
        // It has become smaller since it was looked at.
        if (count === 0) assertHas(start + length, region);
      }
      return bytes;
    },
    async write(start, pieces, region) {
      const length = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
      // Writing behind the end would make it larger again.
      assertHas(start + length, region);
      let rest = [...pieces];
      for (let done = 0; done < length; ) {
        const place = start + done;
        const next = rest.slice(0, MAX_PIECES);
        const count = length <= AT_ONCE ? writevSync(file, next, place) : (await writeFile(file, next, place)).bytesWritten;
        done += count;
        rest = after(rest, count);
      }
    },
    close() {
      if (closed) return;
      closed = true;
      close(file);
    },
  };
}

/** What is left of the pieces when so many bytes have been written. */
function after(pieces: Uint8Array[], count: number): Uint8Array[] {
  let written = count;
  const rest: Uint8Array[] = [];
  for (const piece of pieces) {
    if (written >= piece.byteLength) written -= piece.byteLength;
    else {
      rest.push(written === 0 ? piece : piece.subarray(written));
      written = 0;
    }
  }
  return rest;
}
