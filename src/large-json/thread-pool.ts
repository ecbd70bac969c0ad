import type { Worker } from "node:worker_threads";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import { errorFrom, type Failure } from "./failure.ts";

export interface ThreadPoolOptions {
  readonly clock: Clock;
  /** Makes a thread that answers every message with one Outcome. */
  readonly start: () => Worker;
  /** Threads at most; none is started before it is needed. */
  readonly size: number;
  /** Tasks that may wait for a thread. */
  readonly maxWaiting: number;
  /** Milliseconds without work after which a thread ends and gives its memory back. */
  readonly idleMs: number;
}

/** What a thread answers. */
export type Outcome<Answer> = { readonly answer: Answer } | { readonly failure: Failure };

interface Job<Answer> {
  readonly task: unknown;
  readonly transfer: readonly ArrayBuffer[];
  /** The first outcome counts; later ones are dropped. */
  readonly settle: (outcome: Answer | ServeError) => void;
}

interface Thread<Answer> {
  readonly worker: Worker;
  job: Job<Answer> | undefined;
  cause: unknown;
  stayAwake: () => void;
}

/** A few threads that each do one task at a time, so that what ends a thread fails one request. */
export class ThreadPool<Task, Answer> {
  readonly #options: ThreadPoolOptions;
  readonly #threads = new Set<Thread<Answer>>();
  readonly #waiting = new Set<Job<Answer>>();
  #closed = false;

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
  }

  /**
   * The thread's answer to a task. The buffers in `transfer` are gone from this thread afterwards, whatever happens.
   * A request that is given up does not wait for the thread, whose answer is then dropped.
   * @throws ServeError what the task failed with; RESOURCE_EXHAUSTED when too many wait or the thread ran out of memory, INTERNAL when it
   * ended otherwise; DEADLINE_EXCEEDED; why the request was given up; UNAVAILABLE after close
   */
  run(task: Task, transfer: readonly ArrayBuffer[], context: RequestContext): Promise<Answer> {
    const { clock, maxWaiting } = this.#options;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(shuttingDown());
      if (this.#waiting.size >= maxWaiting) {
        const message = `${maxWaiting} requests with large JSON wait already; try again later`;
        return reject(new ServeError("RESOURCE_EXHAUSTED", message, { retryAfter: 1 }));
      }
      let cancelTimer = (): void => undefined;
      const job: Job<Answer> = {
        task,
        transfer,
        settle: (outcome) => {
          this.#waiting.delete(job);
          cancelTimer();
          context.onAbort(undefined);
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome);
        },
      };
      if (context.aborted !== undefined) return reject(context.aborted);
      cancelTimer = clock.after(Math.max(0, context.deadline - clock.now()), () => {
        this.#giveUp(job, new ServeError("DEADLINE_EXCEEDED", "the request's time was over before its JSON had been read or written"));
      });
      context.onAbort((reason) => this.#giveUp(job, ServeError.from(reason, "CANCELLED", "the request was given up")));
      this.#waiting.add(job);
      this.#next();
    });
  }

  /** Fails what waits and what is being done, and settles when every thread has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of [...this.#waiting]) job.settle(shuttingDown());
    await Promise.all(
      [...this.#threads].map(async (thread) => {
        thread.stayAwake();
        const { job } = thread;
        thread.job = undefined;
        job?.settle(shuttingDown());
        await thread.worker.terminate();
      }),
    );
  }

  /** The thread goes on with the task: ending it would cost more than the rest of the work mostly does. */
  #giveUp(job: Job<Answer>, reason: ServeError): void {
    for (const thread of this.#threads) if (thread.job === job) thread.job = { ...job, settle: () => undefined };
    job.settle(reason);
  }

  #next(): void {
    for (const job of this.#waiting) {
      const thread = this.#free();
      if (thread === undefined) return;
      this.#waiting.delete(job);
      this.#begin(thread, job);
    }
  }

  #free(): Thread<Answer> | undefined {
    for (const thread of this.#threads) if (thread.job === undefined) return thread;
    return this.#threads.size < this.#options.size && !this.#closed ? this.#start() : undefined;
  }

  #begin(thread: Thread<Answer>, job: Job<Answer>): void {
    thread.stayAwake();
    thread.job = job;
    thread.worker.ref();
    try {
      thread.worker.postMessage(job.task, job.transfer);
    } catch (error) {
      this.#settle(thread, ServeError.from(error));
    }
  }

  #start(): Thread<Answer> {
    const worker = this.#options.start();
    const thread: Thread<Answer> = { worker, job: undefined, cause: undefined, stayAwake: () => undefined };
    this.#threads.add(thread);
    worker.on("message", (outcome: Outcome<Answer>) => {
      this.#settle(thread, "answer" in outcome ? outcome.answer : errorFrom(outcome.failure));
      this.#next();
    });
    worker.on("messageerror", (error) => {
      thread.cause = error;
      void worker.terminate();
    });
    worker.on("error", (error) => {
      thread.cause = error;
    });
    worker.on("exit", (code) => {
      thread.stayAwake();
      this.#threads.delete(thread);
      thread.job?.settle(death(thread.cause ?? new Error(`exit code ${code}`)));
      thread.job = undefined;
      this.#next();
    });
    return thread;
  }

  #settle(thread: Thread<Answer>, outcome: Answer | ServeError): void {
    const { job } = thread;
    thread.job = undefined;
    thread.worker.unref();
    if (!this.#closed) {
      thread.stayAwake = this.#options.clock.after(this.#options.idleMs, () => {
        this.#threads.delete(thread);
        void thread.worker.terminate();
      });
    }
    job?.settle(outcome);
  }
}

function shuttingDown(): ServeError {
  return new ServeError("UNAVAILABLE", "the server is shutting down", { retryAfter: 1 });
}

function death(cause: unknown): ServeError {
  if ((cause as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY") {
    const message = "the request's JSON needs more memory than a thread has; send binary tensors, or less at a time";
    return new ServeError("RESOURCE_EXHAUSTED", message, { cause });
  }
  return new ServeError("INTERNAL", "the thread that worked on the request's JSON has ended; other requests are not affected", { cause });
}
