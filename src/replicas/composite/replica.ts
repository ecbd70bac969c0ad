import type { Cancellation } from "../../core/cancellation.ts";
import { ServeError } from "../../core/errors.ts";
import type { JsonObject, Payload } from "../../core/inference.ts";
import type { NestedInference } from "../../core/nested-inference.ts";
import type { CallOrigin, ModelDescription, Replica, ReplicaCall, ReplicaResult } from "../../core/replica.ts";
import { whenAborted } from "../../core/when-aborted.ts";
import { CallsUnderWay } from "../shared/calls-under-way.ts";
import type { EnsembleIdentity } from "./plan.ts";
import { EnsembleRun } from "./run.ts";
import { StepLimits } from "./step-limits.ts";
import type { StepModels } from "./step-models.ts";

/** Requests at once: as many as anybody could have. The steps' models have limits of their own. */
const CREDIT = 65_536;

export interface EnsembleReplicaOptions extends EnsembleIdentity {
  /** The version of the ensemble. */
  readonly version: string;
  readonly nested: Pick<NestedInference, "infer">;
  readonly models: StepModels;
}

/** Answers requests with other models of this server, in its process and without a copy of any tensor. */
export class EnsembleReplica implements Replica {
  readonly id: string;
  readonly credit = CREDIT;
  readonly description: ModelDescription;
  readonly readiness: StepModels;
  readonly lost: Promise<void>;
  readonly exited: Promise<string>;
  readonly #options: EnsembleReplicaOptions;
  readonly #limits: StepLimits;
  readonly #calls = new CallsUnderWay();
  #end!: (how: string) => void;

  constructor(options: EnsembleReplicaOptions) {
    const { namespace, name, version, configuration, models } = options;
    this.#options = options;
    this.id = `${namespace}/${name}/${version}`;
    this.#limits = new StepLimits(configuration.ensemble?.maxInflightRequests ?? 0);
    this.readiness = models;
    const { signature } = models.plan;
    this.description = {
      methods: { predict: signature },
      framework: "ensemble",
      frameworkVersion: "",
      warnings: [],
      configuration: configurationOf(configuration.json, signature.streaming === true),
    };
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.lost = this.exited.then(() => undefined);
  }

  async run(call: ReplicaCall, cancellation?: Cancellation): Promise<ReplicaResult> {
    this.#calls.assertThere();
    const run = this.#begin(call);
    let done = (): void => undefined;
    try {
      const payload = await run.answer((abort) => {
        done = this.#calls.begin(abort);
        cancellation?.onAbort(abort);
      });
      return { payload, computeMs: run.computeMs };
    } finally {
      done();
    }
  }

  async *stream(call: ReplicaCall, signal: AbortSignal): AsyncGenerator<Payload, void, undefined> {
    const controller = new AbortController();
    this.#calls.assertThere();
    const done = this.#calls.begin((reason) => controller.abort(reason));
    const forget = whenAborted(signal, () => controller.abort(signal.reason));
    if (signal.aborted) controller.abort(signal.reason);
    try {
      yield* this.#begin(call).answers(controller.signal);
    } finally {
      forget();
      done();
      controller.abort(new ServeError("CANCELLED", "nobody reads the stream any more"));
    }
  }

  async close(): Promise<void> {
    await this.#calls.idle();
    this.#leave("was closed");
  }

  destroy(how: string): void {
    this.#calls.lose(`the ensemble ${how}`);
    this.#leave(how);
  }

  #leave(how: string): void {
    this.#options.models.close();
    this.#end(how);
  }

  #begin(call: ReplicaCall): EnsembleRun {
    const { nested, models } = this.#options;
    return new EnsembleRun({ graph: models.graph(call.outputs), call, origin: originOf(call), nested, limits: this.#limits });
  }
}

function originOf({ origin }: ReplicaCall): CallOrigin {
  if (origin === undefined) throw new ServeError("INTERNAL", "an ensemble has to know whose request it is");
  return origin;
}

/** As Triton prints it: that an ensemble is decoupled is known from its steps. */
function configurationOf(json: JsonObject, decoupled: boolean): JsonObject {
  return decoupled ? { ...json, model_transaction_policy: { decoupled } } : json;
}
