import type { Cancellation } from "../../core/cancellation.ts";
import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { ModelDescription, Replica, ReplicaCall, ReplicaResult } from "../../core/replica.ts";
import { type Translation, toClient, toModel } from "./translation.ts";

/**
 * A replica as its configuration shows it: what it takes and gives is described by `description`, and calls are translated where they differ
 * from the model's own.
 * @param translations by method; one that has none is asked as it is
 */
export function configuredReplica(inner: Replica, description: ModelDescription, translations: ReadonlyMap<string, Translation>): Replica {
  const asked = (call: ReplicaCall): ReplicaCall => {
    const translation = translations.get(call.method);
    return translation === undefined ? call : toModel(call, translation);
  };
  const answered = (method: string, payload: Payload): Payload => {
    const translation = translations.get(method);
    return translation === undefined ? payload : toClient(payload, translation);
  };
  const result = ({ method }: ReplicaCall, given: ReplicaResult): ReplicaResult => ({ ...given, payload: answered(method, given.payload) });
  const leavesAll = translations.size === 0;
  const together = inner.runTogether?.bind(inner);
  return {
    id: inner.id,
    get credit() {
      return inner.credit;
    },
    description,
    lost: inner.lost,
    exited: inner.exited,
    ...(inner.roomForRows === undefined ? {} : { roomForRows: inner.roomForRows }),
    ...(inner.readiness === undefined ? {} : { readiness: inner.readiness }),
    ...(inner.checkReadiness === undefined ? {} : { checkReadiness: inner.checkReadiness.bind(inner) }),
    ...(inner.endSequence === undefined ? {} : { endSequence: inner.endSequence.bind(inner) }),
    run: leavesAll
      ? (call, cancellation) => inner.run(call, cancellation)
      : async (call, cancellation) => result(call, await inner.run(asked(call), cancellation)),
    ...(together === undefined ? {} : { runTogether: leavesAll ? together : runTogether }),
    async *stream(call, signal) {
      for await (const payload of inner.stream(asked(call), signal)) yield answered(call.method, payload);
    },
    close: () => inner.close(),
    destroy: (how) => inner.destroy(how),
  };

  async function runTogether(
    calls: readonly ReplicaCall[],
    cancellation?: Cancellation,
  ): Promise<ReadonlyArray<ReplicaResult | ServeError>> {
    const results = (await together?.(calls.map(asked), cancellation)) ?? [];
    return results.map((given, index) => {
      const call = calls[index];
      if (given instanceof ServeError || call === undefined) return given;
      try {
        return result(call, given);
      } catch (error) {
        return ServeError.from(error);
      }
    });
  }
}
