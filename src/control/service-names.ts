import type { Target } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import type { EntryDetails, Registry, ServedRevision } from "../models/index.ts";
import type { Course, Revision, Split } from "./course.ts";
import { type PlacedCanary, servedRevisions } from "./served-revisions.ts";

/** Who may have which names in requests. */
export interface NameClaims {
  /** Why a model of the service may not have a name; undefined when it has it from now on, until it gives it back. */
  claim(name: string): string | undefined;
  giveBack(names: readonly string[]): void;
}

export interface ServiceNamesOptions {
  readonly namespace: string;
  /** The service's own. */
  readonly name: string;
  readonly registry: Registry;
  readonly claims?: NameClaims | undefined;
}

/** What a service serves. */
export interface Served<Wanted extends Revision> {
  readonly first: Course<Wanted>;
  readonly target: Course<Wanted> | undefined;
  readonly canaries: readonly PlacedCanary<Wanted>[];
  readonly split: Split<Wanted>;
}

type Named = Pick<ModelSpec, "name" | "configuration">;

/** The names under which requests reach the models of one service: its own, and of a model repository those of its models. */
export class ServiceNames<Wanted extends Revision> {
  readonly #options: ServiceNamesOptions;
  /** Of the registry, besides its own. */
  #others: readonly string[] = [];
  readonly #claimed = new Set<string>();

  constructor(options: ServiceNamesOptions) {
    this.#options = options;
  }

  /** Why models cannot be served under their names; undefined when they can. */
  claim(specs: readonly Named[]): string | undefined {
    for (const name of namesOf(specs)) {
      const why = this.#claim(name);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  #claim(name: string): string | undefined {
    if (name === this.#options.name) return undefined;
    const why = this.#options.claims?.claim(name);
    if (why === undefined) this.#claimed.add(name);
    return why;
  }

  route({ first, target, canaries, split }: Served<Wanted>, details: EntryDetails): void {
    const { registry, namespace, name: own } = this.#options;
    const courses = [first, ...(target === undefined ? [] : [target]), ...canaries.map(({ course }) => course)];
    const wanted = namesOf(courses.flatMap(({ models }) => models.map(({ spec }) => spec)));
    const answering = courses.filter((course) => course === first || course.admitted);
    const names = namesOf(answering.flatMap(({ models }) => models.map(({ spec }) => spec)));
    const others = names.filter((name) => name !== own && this.#claim(name) === undefined);
    const revisionsOf = (name: string): ServedRevision[] => servedRevisions(name, first, target, canaries, split);
    for (const name of others) registry.split({ namespace, name }, revisionsOf(name), { ...details, service: own });
    const main = mainModel(
      own,
      first.models.map(({ spec }) => spec),
    );
    if (main !== undefined && main !== own && others.includes(main)) registry.alias({ namespace, name: own }, main);
    else registry.split({ namespace, name: own }, revisionsOf(own), main === undefined ? withNames(details, others) : details);
    this.#keep(others, wanted);
  }

  /** Requests for any of them hear why there is nothing. */
  clear(pending: string): void {
    const { registry, namespace, name } = this.#options;
    for (const each of [name, ...this.#others]) registry.set({ namespace, name: each }, [], pending);
  }

  delete(): void {
    const { registry, namespace, name } = this.#options;
    registry.delete({ namespace, name });
    this.#keep([], []);
  }

  /** Names that are no longer wanted may be somebody else's. */
  #keep(others: readonly string[], wanted: readonly string[]): void {
    const { registry, namespace, name: own, claims } = this.#options;
    const unused = this.#others.filter((name) => !others.includes(name));
    this.#others = others;
    // What somebody else has by now is not this service's to take away.
    for (const name of unused) if (registry.serviceOf({ namespace, name }) === own) registry.delete({ namespace, name });
    const given = [...this.#claimed].filter((name) => !wanted.includes(name));
    for (const name of given) this.#claimed.delete(name);
    if (given.length > 0) claims?.giveBack(given);
  }
}

/** Each once, in the order in which they come. */
export function namesOf(specs: readonly Pick<ModelSpec, "name">[]): string[] {
  return [...new Set(specs.map(({ name }) => name))];
}

/**
 * The model that the name of a service means: the one of that name, the only one, or the only ensemble that is no step of another one.
 */
export function mainModel(service: string, specs: readonly Named[]): string | undefined {
  const names = namesOf(specs);
  if (names.includes(service)) return service;
  if (names.length < 2) return names[0];
  const steps = new Set(specs.flatMap(({ configuration }) => configuration?.ensemble?.steps.map(({ modelName }) => modelName) ?? []));
  const whole = namesOf(specs.filter(({ name, configuration }) => configuration?.ensemble !== undefined && !steps.has(name)));
  return whole.length === 1 ? whole[0] : undefined;
}

/** Those that a service's name means; of a service none of whose models has its name, those of its first model. */
export function revisionsToTell(registry: Registry, service: Pick<Target, "namespace" | "name">): readonly ServedRevision[] {
  const own = registry.revisions(service);
  const [name] = own.length > 0 ? [] : registry.modelsOf(service);
  return name === undefined ? own : registry.revisions({ ...service, name });
}

function withNames(details: EntryDetails, names: readonly string[]): EntryDetails {
  if (names.length === 0) return details;
  return { ...details, isEmpty: true, pending: `The service has several models, none of which has its name; ask for ${names.join(", ")}` };
}
