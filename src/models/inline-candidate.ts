import { LatencyCurve } from "../core/latency-curve.ts";
import type { Replica, ReplicaCall } from "../core/replica.ts";
import { byteSize, type Tensor } from "../core/tensor.ts";
import type { InlineReplica } from "./inline-runs.ts";
import type { ModelVersion } from "./model-version.ts";

/** Answers of the host after which its costs are believed. */
const PROOF_ANSWERS = 50;
/** Predicted milliseconds of one row in the host; well below what a turn of the event loop may take. */
const LARGEST_COST = 0.3;
const LARGEST_SAMPLE_BYTES = 64 * 1024;

/**
 * - `watched`: its host answers, and its costs are measured there;
 * - `proven`: it waits for a quiet moment;
 * - `opening`, `open`, `closing`: its session in this process;
 * - `refused`: it stays in its host.
 */
export type CandidateState = "watched" | "proven" | "opening" | "open" | "closing" | "refused";

/** A model that may come to be answered inline, from the start of its host to the host's end. */
export class InlineCandidate {
  readonly model: ModelVersion;
  readonly host: Replica;
  state: CandidateState = "watched";
  /** Its host is gone or going. */
  ended = false;
  inline: InlineReplica | undefined;
  /** Takes the inline replica out of the scheduler. */
  remove: () => void = () => undefined;
  /** Clock milliseconds at which it was last seen to have answered inline. */
  usedAt = 0;
  runsSeen = 0;
  #curve = new LatencyCurve();
  #fastest = Number.POSITIVE_INFINITY;
  #needed = PROOF_ANSWERS;
  #sample: ReplicaCall | undefined;
  readonly #onProven: () => void;

  constructor(model: ModelVersion, host: Replica, onProven: () => void) {
    this.model = model;
    this.host = host;
    this.#onProven = onProven;
  }

  /** A call that its host has answered; undefined when all were large. */
  get sample(): ReplicaCall | undefined {
    return this.#sample;
  }

  /** The host, with an eye on what its answers cost until enough is known. */
  observed(): Replica {
    const { host } = this;
    return {
      id: host.id,
      credit: host.credit,
      description: host.description,
      lost: host.lost,
      exited: host.exited,
      run: (call, signal) => {
        const answer = host.run(call, signal);
        if (this.state === "watched") {
          answer.then(
            ({ computeMs }) => this.#observe(call, computeMs),
            () => undefined,
          );
        }
        return answer;
      },
      stream: (call, signal) => host.stream(call, signal),
      close: () => host.close(),
      destroy: (how) => host.destroy(how),
    };
  }

  /** It has become too slow here: its host must prove it again, each time for longer. */
  startAgain(): void {
    this.#curve = new LatencyCurve();
    this.#fastest = Number.POSITIVE_INFINITY;
    this.#needed *= 2;
    this.#sample = undefined;
    this.inline = undefined;
    this.state = "watched";
  }

  /**
   * At most. A host that answers for many models counts into one's time what it does for others meanwhile, and the system interrupts
   * it; the proof in this process is exact.
   */
  #costOfOneRow(): number {
    return Math.min(this.#fastest, this.#curve.predict(1) ?? Number.POSITIVE_INFINITY);
  }

  #observe(call: ReplicaCall, computeMs: number): void {
    if (this.state !== "watched" || call.payload.kind !== "tensors") return;
    const { tensors } = call.payload;
    const isBatchable = this.host.description.methods[call.method]?.batchable === true;
    const rows = isBatchable ? (tensors[0]?.shape[0] ?? 1) : 1;
    this.#curve.observe(rows, computeMs);
    if (rows > 0) this.#fastest = Math.min(this.#fastest, computeMs);
    if (this.#curve.observations < this.#needed || this.#costOfOneRow() > LARGEST_COST) return;
    if (sizeOf(tensors) <= LARGEST_SAMPLE_BYTES) this.#sample = { ...call, payload: { kind: "tensors", tensors: tensors.map(copyOf) } };
    this.state = "proven";
    this.#onProven();
  }
}

function sizeOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, tensor) => sum + byteSize(tensor), 0);
}

/** Its memory may be a small part of a large body. */
function copyOf(tensor: Tensor): Tensor {
  return tensor.datatype === "BYTES" ? tensor : { ...tensor, data: Uint8Array.from(tensor.data) };
}
