import { resolve } from "node:path";
import type { Worker } from "node:worker_threads";
import { ServeError } from "../core/errors.ts";
import type { MeasurementStore } from "../core/measurement.ts";
import type { ResourceChange, ResourceStore } from "../core/resource-store.ts";
import { startThread } from "../core/start-thread.ts";
import { encodeMeasurement } from "./measurement-rows.ts";
import type { Ask, Failure, Tell, WorkerStart } from "./messages.ts";
import { encodeChange } from "./rows.ts";
import type { SqliteModule } from "./sqlite.ts";
import type { StateChange } from "./state.ts";

/** All that the state keeps. */
export type Store = ResourceStore & MeasurementStore;

/** Commits that were written together. */
export interface SettledGroup {
  readonly commits: number;
  /** How many of them failed. */
  readonly failed: number;
  /** What the writing took, the wait for the disk included. */
  readonly seconds: number;
}

export interface StoreOptions {
  /** The store can no longer be used: its worker has died, or its database is damaged. Told once. */
  readonly onFault?: (fault: ServeError) => void;
  readonly onSettled?: (group: SettledGroup) => void;
  /** Which SQLite to use; by default the built-in one where Node has it. */
  readonly sqlite?: SqliteModule;
}

interface Waiting {
  readonly changes: readonly StateChange[];
  readonly resolve: () => void;
  readonly reject: (error: ServeError) => void;
}

/**
 * Opens the state in a directory, which is made when it is not there. SQLite runs in a thread of its own.
 * @throws ServeError ABORTED when another server has the directory open, FAILED_PRECONDITION when it cannot be written or a newer nitrous
 * has written it; DATA_LOSS when the database is damaged; RESOURCE_EXHAUSTED when the disk is full
 */
export async function openStore(directory: string, options: StoreOptions = {}): Promise<Store> {
  const path = resolve(directory);
  const started = new Date(performance.timeOrigin).toISOString();
  const start: WorkerStart = { directory: path, self: { pid: process.pid, started }, sqlite: options.sqlite };
  const worker = startThread("./worker", import.meta.url, { workerData: start });
  const { restored, epoch, measurements } = await firstWord(worker, path);
  return { restored, epoch, measurements, ...createClient(worker, path, options) };
}

type Opened = Extract<Tell, { tell: "opened" }>;

async function firstWord(worker: Worker, directory: string): Promise<Opened> {
  return await new Promise((resolvePromise, reject) => {
    const onDeath = (cause: unknown): void => {
      const why = cause instanceof Error ? cause.message : `exit code ${cause}`;
      reject(new ServeError("UNAVAILABLE", `the state in ${directory} could not be opened: its thread has ended (${why})`, { cause }));
    };
    worker.once("error", onDeath).once("exit", onDeath);
    worker.once("message", (message: Tell) => {
      worker.off("error", onDeath).off("exit", onDeath);
      if (message.tell === "opened") resolvePromise(message);
      // The thread has let go of everything only when it has ended.
      else if (message.tell === "refused") worker.once("exit", () => reject(errorFrom(message.failure)));
    });
  });
}

function createClient(worker: Worker, directory: string, { onFault, onSettled }: StoreOptions): Pick<Store, "commit" | "keep" | "close"> {
  /** Made in this turn of the event loop: they go to the worker together. */
  let unsent: Waiting[] = [];
  const sent: Waiting[] = [];
  let closed: Promise<void> | undefined;
  let fault: ServeError | undefined;

  const ask = (message: Ask): void => worker.postMessage(message);
  const send = (): void => {
    if (unsent.length === 0) return;
    sent.push(...unsent);
    ask({ ask: "commit", commits: unsent.map(({ changes }) => changes) });
    unsent = [];
  };
  const fail = (error: ServeError): void => {
    if (fault !== undefined) return;
    fault = error;
    onFault?.(error);
  };
  const end = (cause: unknown): void => {
    const error = death(directory, cause);
    if (closed === undefined || sent.length + unsent.length > 0) fail(error);
    for (const { reject } of [...sent.splice(0), ...unsent.splice(0)]) reject(error);
  };

  worker.on("error", end);
  const exited = new Promise<void>((resolvePromise) => {
    worker.once("exit", (code) => {
      end(`exit code ${code}`);
      resolvePromise();
    });
  });
  worker.on("message", (message: Tell) => {
    if (message.tell !== "settled") return;
    const { outcomes, seconds } = message;
    const settled = sent.splice(0, outcomes.length);
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome === undefined) settled[index]?.resolve();
      else settled[index]?.reject(errorFrom(outcome));
    }
    onSettled?.({ commits: outcomes.length, failed: outcomes.filter((outcome) => outcome !== undefined).length, seconds });
    const loss = outcomes.find((outcome) => outcome?.code === "DATA_LOSS");
    if (loss !== undefined) fail(errorFrom(loss));
  });

  async function write<Change>(changes: readonly Change[], encode: (change: Change) => StateChange): Promise<void> {
    if (fault !== undefined) throw fault;
    if (closed !== undefined) throw new ServeError("FAILED_PRECONDITION", `the state in ${directory} is closed`);
    const encoded = changes.map(encode);
    await new Promise<void>((resolvePromise, reject) => {
      if (unsent.length === 0) queueMicrotask(send);
      unsent.push({ changes: encoded, resolve: resolvePromise, reject });
    });
  }

  return {
    commit: (changes: readonly ResourceChange[]) => write(changes, encodeChange),
    keep: (measurements) => write(measurements, encodeMeasurement),
    close() {
      if (closed === undefined) {
        send();
        ask({ ask: "close" });
        closed = exited;
      }
      return closed;
    },
  };
}

function errorFrom({ code, message }: Failure): ServeError {
  return new ServeError(code, message);
}

function death(directory: string, cause: unknown): ServeError {
  const text = `the thread that writes the state in ${directory} has ended; what was not confirmed may or may not be stored; start the server again`;
  return new ServeError("UNAVAILABLE", text, { cause });
}
