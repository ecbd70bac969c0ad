import type { Clock } from "../core/clock.ts";
import { firstLine, messageOf } from "../core/errors.ts";
import type { ResourceKey } from "../core/resource.ts";
import type { RevisionRecord } from "../core/resource-store.ts";
import type { Attempt } from "./course.ts";
import type { ResourceTable } from "./resource-table.ts";
import type { Rollout } from "./rollout.ts";
import type { ServiceRevision } from "./service-revision.ts";

/** Milliseconds until that a generation serves is stored again, when it could not be. */
const REMEMBER_AGAIN = 30_000;

export interface ServiceMemoryOptions {
  readonly table: ResourceTable;
  readonly clock: Clock;
  readonly key: ResourceKey;
  readonly uid: string;
  /** Something could not be stored. */
  readonly onFault: (message: string) => void;
}

/** Stores what became of the revisions of one service, for the time after a restart. */
export class ServiceMemory {
  readonly #options: ServiceMemoryOptions;
  #cancel: () => void = () => undefined;

  constructor(options: ServiceMemoryOptions) {
    this.#options = options;
  }

  /** The revision has everything; `isStill` says whether that is so later. */
  rolledOut(revision: ServiceRevision, isStill: () => boolean): void {
    const { table, clock, key, uid, onFault } = this.#options;
    const { generation, spec } = revision;
    this.#cancel();
    table.setReady(key, uid, { generation, spec }).catch((error: unknown) => {
      onFault(`that generation ${generation} serves could not be stored: ${messageOf(error)}`);
      // Meanwhile another one may serve, or the service may be gone.
      if (isStill()) this.#cancel = clock.after(REMEMBER_AGAIN, () => this.rolledOut(revision, isStill));
    });
  }

  /** Notes what has become of the newest revision, when that is news. */
  note(rollout: Rollout<ServiceRevision>): void {
    const { target, active } = rollout;
    if (target === undefined || target.revision.choice === undefined) return;
    const outcome = outcomeOf(target, active);
    if (outcome !== undefined) this.#record(target, outcome);
  }

  /** Another revision is wanted: one that was not rolled out has had its time. */
  replaced(before: Attempt<ServiceRevision> | undefined, { active, target, canaries }: Rollout<ServiceRevision>): void {
    if (before === undefined || before === active || before === target || canaries.some(({ attempt }) => attempt === before)) return;
    const outcome = outcomeOf(before, active);
    if (outcome !== "failed" && outcome !== "rolled out") this.#record(before, "given up");
  }

  end(): void {
    this.#cancel();
  }

  #record({ revision, failure }: Attempt<ServiceRevision>, outcome: RevisionRecord["outcome"]): void {
    const { table, key, uid, onFault } = this.#options;
    const { generation, spec, annotations } = revision;
    if (table.find(key) === undefined) return;
    const known = table.history(key).find((record) => record.generation === generation);
    if (known?.outcome === outcome) return;
    const message = outcome === "failed" && failure !== undefined ? { message: firstLine(failure.message) } : {};
    const record: RevisionRecord = { generation, spec, annotations, outcome, time: new Date().toISOString(), ...message };
    table.setRevision(key, uid, record).catch((error: unknown) => {
      onFault(`what became of generation ${generation} could not be stored: ${messageOf(error)}`);
    });
  }
}

function outcomeOf(target: Attempt, active: Attempt | undefined): RevisionRecord["outcome"] | undefined {
  if (target === active) return target.models.some(({ answers }) => answers) ? "rolled out" : undefined;
  if (target.admitted) return "canary";
  return target.failure !== undefined && target.failure.retryDelay === undefined ? "failed" : undefined;
}
