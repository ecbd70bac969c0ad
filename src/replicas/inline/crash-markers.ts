import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

/** A server process, so that no later one can be taken for it as long as the machine runs. */
export interface ServerIdentity {
  readonly pid: number;
  readonly start: string;
}

export interface MarkerOptions {
  /** Folder that is still there after a restart. */
  readonly directory: string;
  readonly server: ServerIdentity;
  /** What tells one run of the machine from the next. */
  readonly boot: string;
  readonly isRunning: (server: ServerIdentity) => boolean;
}

interface Content {
  /** As in messages. */
  readonly model: string;
  readonly boot: string;
}

const ACTIVE = /^([0-9a-f]{64})-(\d+)-(\d*)\.active$/;
const SUSPECT = /^([0-9a-f]{64})\.suspect$/;

/**
 * Which artefacts must not run in the server's own process because a server died while they did. An `.active` file is on disk, synced,
 * from before an artefact's session is opened until after it is closed. One whose server is gone says that the server died with the
 * session open: nobody knows which of several it was, so each becomes a `.suspect`, and stays one until the file is removed. A machine
 * that went down accuses nobody.
 */
export class CrashMarkers {
  readonly #options: MarkerOptions;
  readonly #suspects = new Set<string>();
  /** Sessions by artefact: models with different names may have the same. */
  readonly #held = new Map<string, number>();
  /** Models that have become suspects at this start. */
  readonly accused: readonly string[];

  /** Looks at what earlier servers have left behind. Without a folder that can be made or read nothing is held against anybody. */
  constructor(options: MarkerOptions) {
    this.#options = options;
    this.accused = this.#judge();
    for (const name of namesIn(options.directory)) {
      const suspect = SUSPECT.exec(name)?.[1];
      if (suspect !== undefined) this.#suspects.add(suspect);
    }
  }

  isSuspect(sha256: string): boolean {
    return this.#suspects.has(sha256);
  }

  /**
   * Settles when the marker is safe on disk; the returned function takes it away again.
   * @throws Error when it cannot be written
   */
  async hold(sha256: string, model: string): Promise<() => void> {
    const { directory, boot } = this.#options;
    mkdirSync(directory, { recursive: true });
    this.#held.set(sha256, (this.#held.get(sha256) ?? 0) + 1);
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      this.#release(sha256);
    };
    try {
      await writeSynced(directory, this.#nameOf(sha256), { model, boot });
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  /** The process ends, and not because of a session. */
  releaseAll(): void {
    for (const sha256 of this.#held.keys()) this.#remove(this.#nameOf(sha256));
    this.#held.clear();
  }

  #release(sha256: string): void {
    const left = (this.#held.get(sha256) ?? 0) - 1;
    if (left > 0) {
      this.#held.set(sha256, left);
      return;
    }
    if (this.#held.delete(sha256)) this.#remove(this.#nameOf(sha256));
  }

  #judge(): string[] {
    const { directory, boot, isRunning } = this.#options;
    const accused: string[] = [];
    for (const name of namesIn(directory)) {
      const [, sha256, pid, start] = ACTIVE.exec(name) ?? [];
      if (sha256 === undefined || isRunning({ pid: Number(pid), start: start ?? "" })) continue;
      const content = readContent(join(directory, name));
      if (content === undefined || content.boot === boot) {
        const model = content?.model ?? sha256;
        accused.push(model);
        // First the one, then the other: the server may die between the two, and one file too many accuses nobody else.
        this.#suspects.add(sha256);
        void writeSynced(directory, `${sha256}.suspect`, { model, boot })
          .then(() => this.#remove(name))
          .catch(() => undefined);
      } else this.#remove(name);
    }
    return accused;
  }

  #nameOf(sha256: string): string {
    const { pid, start } = this.#options.server;
    return `${sha256}-${pid}-${start}.active`;
  }

  #remove(name: string): void {
    rmSync(join(this.#options.directory, name), { force: true });
  }
}

async function writeSynced(directory: string, name: string, content: Content): Promise<void> {
  const file = await open(join(directory, name), "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(content));
    await file.sync();
  } finally {
    await file.close();
  }
  // The name, too, must survive.
  const folder = await open(directory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Undefined for a file that was cut off. */
function readContent(path: string): Content | undefined {
  try {
    const { model, boot } = JSON.parse(readFileSync(path, "utf8")) as Partial<Content>;
    return typeof model === "string" && typeof boot === "string" ? { model, boot } : undefined;
  } catch {
    return undefined;
  }
}
