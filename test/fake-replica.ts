import type { Cancellation } from "../src/core/cancellation.ts";
import type { ServeError } from "../src/core/errors.ts";
import type { Payload } from "../src/core/inference.ts";
import type { Replica, ReplicaCall, ReplicaResult } from "../src/core/replica.ts";

interface Pending {
  readonly call: ReplicaCall;
  readonly signal: Cancellation | undefined;
  resolve(result: ReplicaResult): void;
  reject(error: ServeError): void;
}

interface PendingTogether {
  readonly calls: readonly ReplicaCall[];
  readonly signal: Cancellation | undefined;
  resolve(results: ReadonlyArray<ReplicaResult | ServeError>): void;
  reject(error: ServeError): void;
}

/** A replica whose answers a test gives by hand: no real one can be made to answer at a chosen moment. */
export class FakeReplica implements Replica {
  readonly id: string;
  readonly credit: number;
  readonly description = { methods: {}, framework: "fake", frameworkVersion: "0", warnings: [] };
  readonly lost = new Promise<void>(() => undefined);
  readonly exited = new Promise<string>(() => undefined);
  readonly calls: Pending[] = [];
  readonly together: PendingTogether[] = [];

  constructor(credit = 1, id = "fake") {
    this.credit = credit;
    this.id = id;
  }

  run(call: ReplicaCall, signal?: Cancellation): Promise<ReplicaResult> {
    return new Promise((resolve, reject) => this.calls.push({ call, signal, resolve, reject }));
  }

  runTogether(calls: readonly ReplicaCall[], signal?: Cancellation): Promise<ReadonlyArray<ReplicaResult | ServeError>> {
    return new Promise((resolve, reject) => this.together.push({ calls, signal, resolve, reject }));
  }

  // biome-ignore lint/correctness/useYield: these tests stream nothing
  async *stream(_call?: ReplicaCall, _signal?: AbortSignal): AsyncGenerator<Payload, void, undefined> {
    throw new Error("this fake does not stream");
  }

  /** Answers the oldest call with its own input. */
  echo(): void {
    const pending = this.calls.shift();
    pending?.resolve({ payload: pending.call.payload, computeMs: 1 });
  }

  /** Answers the oldest calls that go together, each with its own input or the failure that is named for its place. */
  echoTogether(failures: Readonly<Record<number, ServeError>> = {}, computeMs = 1): void {
    const pending = this.together.shift();
    pending?.resolve(pending.calls.map(({ payload }, index) => failures[index] ?? { payload, computeMs }));
  }

  fail(error: ServeError): void {
    this.calls.shift()?.reject(error);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {}
}
