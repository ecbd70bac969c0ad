import { ServeError } from "../core/errors.ts";
import type { ModelVersion } from "./model-version.ts";

/** What it looks at of a model. */
type Asked = Pick<ModelVersion, "replicas" | "spec">;

/** For an answer of the model, until the deadline in clock milliseconds. */
interface Wait {
  readonly model: Asked;
  readonly deadline: number;
}

/**
 * Host processes that do nothing until another model has answered them, and so notice models that wait for each other in a circle. Whatever
 * might still end the wait, such as a replica that is on its way, counts as free.
 */
export class BlockedHosts {
  /** By process id: whose answer it waits for, and until when. */
  readonly #waits = new Map<number, Wait>();

  /**
   * The host waits, until the returned function is called.
   * @throws ServeError FAILED_PRECONDITION when no replica will be free to answer in time
   */
  begin(pid: number, wait: Wait): () => void {
    this.#waits.set(pid, wait);
    const circle = this.#circle(wait);
    if (circle !== undefined) {
      this.#waits.delete(pid);
      throw waitsForItself(circle);
    }
    return () => this.#waits.delete(pid);
  }

  /** All models that the answer would have to come from when each of their replicas waits for another of them. */
  #circle({ model, deadline }: Wait): readonly Asked[] | undefined {
    const reached = new Set([model]);
    for (const { replicas, spec } of reached) {
      const { serving, fixed, most } = replicas;
      if (spec.responseCache === true || serving.length === 0 || serving.length < (fixed ?? most)) return undefined;
      for (const { pid } of serving) {
        const next = this.#waits.get(pid);
        // One that gives up sooner will be free.
        if (next === undefined || next.deadline < deadline) return undefined;
        reached.add(next.model);
      }
    }
    return [...reached];
  }
}

function waitsForItself(circle: readonly Asked[]): ServeError {
  const names = circle.map(({ spec }) => `'${spec.name}'`).join(" and ");
  const who = circle.length === 1 ? `model ${names} asks itself, and` : `the models ${names} ask each other, and`;
  return new ServeError(
    "FAILED_PRECONDITION",
    `${who} every replica waits for this answer: give them more instances, or ask without waiting in execute`,
  );
}
