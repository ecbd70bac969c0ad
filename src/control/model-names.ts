import type { Target } from "../core/inference.ts";
import type { ResourceTable } from "./resource-table.ts";
import type { ServiceAtWork } from "./service-at-work.ts";
import type { NameClaims } from "./service-names.ts";

type Name = Pick<Target, "namespace" | "name">;

/**
 * Whose model each name in requests means. The name of a service is always its own; those of the models of a repository are whoever's asks
 * for them first.
 */
export class ModelNames {
  readonly #table: ResourceTable;
  readonly #owners = new Map<string, ServiceAtWork>();
  /** Services that wait for a name. */
  readonly #waiting = new Set<ServiceAtWork>();

  constructor(table: ResourceTable) {
    this.#table = table;
  }

  ownerOf(name: Name): ServiceAtWork | undefined {
    return this.#owners.get(keyOf(name));
  }

  /** A service gets its own name. Returns the one that had it for one of its models, which it has lost. */
  begin(service: ServiceAtWork): ServiceAtWork | undefined {
    const name = { namespace: service.key.namespace, name: service.modelName };
    const before = this.ownerOf(name);
    this.#owners.set(keyOf(name), service);
    return before === undefined || before.modelName === service.modelName ? undefined : before;
  }

  /** Those of a service, its own and its models'. */
  namesOf(service: ServiceAtWork): string[] {
    const { namespace } = service.key;
    return [...this.#owners].flatMap(([key, owner]) => (owner === service ? [key.slice(namespace.length + 1)] : []));
  }

  /** All names of a service are free again. */
  leave(service: ServiceAtWork): void {
    this.#waiting.delete(service);
    this.#giveBack(service, this.namesOf(service));
  }

  claimsOf(service: () => ServiceAtWork): NameClaims {
    return {
      claim: (name) => this.#claim(service(), name),
      giveBack: (names) => this.#giveBack(service(), names),
    };
  }

  #claim(service: ServiceAtWork, name: string): string | undefined {
    const { namespace } = service.key;
    const owner = this.ownerOf({ namespace, name });
    if (owner === service) return undefined;
    const holder = owner === undefined ? this.#writtenAs(namespace, name) : `the ${owner.key.kind} ${owner.key.name}`;
    if (holder === undefined) {
      this.#owners.set(keyOf({ namespace, name }), service);
      return undefined;
    }
    this.#waiting.add(service);
    const which = owner === undefined || owner.modelName === name ? "has that name" : "has a model of that name too";
    return `its repository has a model ${name}, and ${holder} of the namespace ${namespace} ${which}; rename one of them, or apply one in another namespace`;
  }

  /** A resource whose own name it is, although nothing of it may be served now. */
  #writtenAs(namespace: string, name: string): string | undefined {
    const kind = (["InferenceService", "TrainedModel"] as const).find(
      (each) => this.#table.find({ kind: each, namespace, name }) !== undefined,
    );
    return kind === undefined ? undefined : `the ${kind} ${name}`;
  }

  #giveBack(service: ServiceAtWork, names: readonly string[]): void {
    const { namespace } = service.key;
    for (const name of names) if (this.ownerOf({ namespace, name }) === service) this.#owners.delete(keyOf({ namespace, name }));
    for (const other of [...this.#waiting]) {
      if (other === service || other.key.namespace !== namespace) continue;
      this.#waiting.delete(other);
      other.rollout.retry();
    }
  }
}

function keyOf({ namespace, name }: Name): string {
  return `${namespace}/${name}`;
}
