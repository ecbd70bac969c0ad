import { availableParallelism } from "node:os";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { startThread } from "../core/start-thread.ts";
import type { LargePredict } from "../protocols/kserve-v1/index.ts";
import type { LargeInfer } from "../protocols/oip/rest/index.ts";
import { owned, packCopies, type Transfer, unpackInTurns } from "./packing.ts";
import type { Answer, Answers, Task } from "./tasks.ts";
import { ThreadPool } from "./thread-pool.ts";

export interface LargeJsonOptions {
  readonly clock: Clock;
  /** Bytes of JSON; more are read in a thread. */
  readonly maxBytes?: number;
  /** Elements of an answer; more are written in a thread. */
  readonly maxElements?: number;
}

export interface LargeJson {
  readonly predict: LargePredict;
  readonly infer: LargeInfer;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** A quarter to two thirds of what takes 5 ms to read: 190 KiB of rows that are objects, 380 to 650 KiB of numbers, warm. */
const MAX_BYTES = 128 * 1024;
/** Half of what takes 5 ms to write: 30,000 FP64 with all their digits. */
const MAX_ELEMENTS = 16_384;
const MOST_THREADS = 2;
/** Each holds its body, which the server counts. */
const MAX_WAITING = 256;
const IDLE_MS = 60_000;

/** Reads and writes large JSON in threads, so that it does not hold the event loop. Starts none before there is something to do. */
export function createLargeJson({ clock, maxBytes = MAX_BYTES, maxElements = MAX_ELEMENTS }: LargeJsonOptions): LargeJson {
  const pool = new ThreadPool<Task, Answer>({
    clock,
    start: () => startThread("./worker", import.meta.url),
    size: Math.min(MOST_THREADS, Math.max(1, availableParallelism() - 1)),
    maxWaiting: MAX_WAITING,
    idleMs: IDLE_MS,
  });
  const ask = <Asked extends Task>(task: Asked, transfer: Transfer, context: RequestContext): Promise<Answers[Asked["kind"]]> =>
    pool.run(task, [...transfer], context) as Promise<Answers[Asked["kind"]]>;
  return {
    predict: {
      maxBytes,
      maxElements,
      async decode(bytes, signature, model, context) {
        const body = await owned(bytes);
        const { payload, ...rest } = await ask({ kind: "read-predict", body, signature, model }, new Set([body.buffer]), context);
        if (payload.kind !== "tensors") return { ...rest, payload };
        return { ...rest, payload: { kind: "tensors", tensors: await unpackInTurns(payload.tensors) } };
      },
      async encode(tensors, context) {
        const transfer: Transfer = new Set();
        return await ask({ kind: "write-predict", tensors: await packCopies(tensors, transfer) }, transfer, context);
      },
    },
    infer: {
      maxBytes,
      maxElements,
      async decode(bytes, headers, context) {
        const body = await owned(bytes);
        const { tensors, binary, ...rest } = await ask({ kind: "read-infer", body, headers }, new Set([body.buffer]), context);
        const chosen = typeof binary === "boolean" ? undefined : new Set(binary);
        return {
          ...rest,
          tensors: await unpackInTurns(tensors),
          binary: (output) => (chosen === undefined ? binary === true : chosen.has(output)),
        };
      },
      async write(tensors, context) {
        const transfer: Transfer = new Set();
        return await ask({ kind: "write-infer", tensors: await packCopies(tensors, transfer) }, transfer, context);
      },
    },
    close: () => pool.close(),
  };
}
