import { closestNames } from "../core/closest.ts";
import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Target } from "../core/inference.ts";
import type { ModelStatus } from "../core/model.ts";
import type { ModelVersion } from "./model-version.ts";
import { Overrides } from "./overrides.ts";
import { AFFINITY_HEADER, affinityOf, answers, pointOf, revisionAt, revisionNamed, type ServedRevision } from "./traffic.ts";

/** What requests for one name reach. */
interface Entry {
  /** The first one gets what the others do not. */
  readonly revisions: readonly ServedRevision[];
  /** Where the key of a stable assignment is. */
  readonly affinityHeader: string;
  /** What is said as long as there are no versions. */
  readonly pending: string;
  /** Another name of the model of this name. */
  readonly alias?: string;
  /** The service whose model it is, where that has another name: one of several. */
  readonly service?: string;
  /** It is the name of a service whose models all have others. */
  readonly isEmpty?: boolean;
}

/** What is said of a name besides its revisions. */
export type EntryDetails = Partial<Pick<Entry, "affinityHeader" | "pending" | "service" | "isEmpty">>;

/** All revisions and versions of all models, by their one identity: namespace and name. */
export class Registry {
  /** By namespace, then by name: requests look here, and making one key of both would cost more than the second look. */
  readonly #namespaces = new Map<string, Map<string, Entry>>();
  readonly #overrides = new Overrides<Entry>();
  readonly #random: () => number;

  /** @param random in [0, 1), for requests without a key */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** From now on requests for the name reach these versions; without any they hear why. */
  set(target: Target, versions: readonly ModelVersion[], pending = ""): void {
    this.split(target, versions.length === 0 ? [] : [{ name: "", generation: 0, tags: [], percent: 100, versions }], { pending });
  }

  /** From now on requests for the name reach these revisions, the first of which gets what the others do not; without any they hear why. */
  split(
    { namespace, name }: Target,
    revisions: readonly ServedRevision[],
    { pending = "", affinityHeader = AFFINITY_HEADER, ...more }: EntryDetails = {},
  ): void {
    const others = revisions.slice(1).reduce((sum, { percent }) => sum + percent, 0);
    const sorted = revisions.map(({ versions, percent, ...revision }, index): ServedRevision => {
      const share = index === 0 ? 100 - others : percent;
      for (const version of versions) {
        if (revision.version === undefined || revision.version === version.spec.version) {
          version.revision = revision.name === "" ? undefined : revision.name;
          version.traffic = share;
        }
      }
      return { ...revision, percent: share, versions: [...versions].sort(byVersion) };
    });
    this.#enter(namespace, name, { revisions: sorted, pending, affinityHeader, ...more });
    this.#overrides.baseChanged({ namespace, name }, versionsOf(sorted));
  }

  /** From now on requests for the name reach what those for another name of its namespace reach, which has its versions to itself. */
  alias({ namespace, name }: Target, alias: string): void {
    this.#enter(namespace, name, { revisions: [], pending: "", affinityHeader: AFFINITY_HEADER, alias });
    this.#overrides.baseChanged({ namespace, name }, []);
  }

  /**
   * Requests for the name reach these versions, at least one, instead of its own, until {@link restore}, or until its own change:
   * then `onDropped` is called.
   */
  override({ namespace, name: asked }: Target, versions: readonly ModelVersion[], onDropped: () => void): void {
    const name = this.#meant(namespace, asked);
    const revisions = [{ name: "", generation: 0, tags: [], percent: 100, versions: [...versions].sort(byVersion) }];
    const base = versionsOf(this.#own(namespace, name)?.revisions ?? []);
    this.#overrides.set({ namespace, name }, { entry: { revisions, pending: "", affinityHeader: AFFINITY_HEADER }, base, onDropped });
  }

  /** Requests for the name reach its own versions again. */
  restore({ namespace, name }: Target): void {
    this.#overrides.delete({ namespace, name: this.#meant(namespace, name) });
  }

  /** A name's own versions, ascending, whether requests reach them or an override; those of its first revision. */
  base({ namespace, name }: Target): readonly ModelVersion[] {
    return this.#own(namespace, name)?.revisions[0]?.versions ?? [];
  }

  delete({ namespace, name }: Target): void {
    const names = this.#namespaces.get(namespace);
    names?.delete(name);
    if (names?.size === 0) this.#namespaces.delete(namespace);
    this.#overrides.baseChanged({ namespace, name }, []);
  }

  /**
   * The version that a request means, of the revision that it names, else of the one that it is assigned to: the version that it names,
   * else the highest that answers, else the highest that has not failed. A context keeps its revision for as long as there is that one;
   * without a context nothing is assigned, and the first revision is meant.
   * @throws ServeError NOT_FOUND with the closest names, UNAVAILABLE for a model that has no versions yet
   */
  find(target: Target, context?: RequestContext): ModelVersion {
    const entry = this.#some(target);
    const [first, second] = entry.revisions as readonly [ServedRevision, ServedRevision?];
    const asked = context?.revision ?? target.revision;
    const revision = second === undefined && asked === undefined ? first : this.#choose(entry, target, asked, context);
    const { versions } = revision;
    const wanted = target.version ?? revision.version;
    if (wanted === undefined) return latestOf(versions);
    const found = versions.find((version) => version.spec.version === wanted);
    if (found !== undefined) return found;
    throw new ServeError(
      "NOT_FOUND",
      `Request for unknown model: '${target.name}' version ${target.version} is not found. It has ${listed(entry, revision, asked)}`,
    );
  }

  /**
   * Those of the revision that the target names, else of the first one. At least one.
   * @throws ServeError NOT_FOUND with the closest names, UNAVAILABLE for a model that has no versions yet
   */
  versions(target: Target): readonly ModelVersion[] {
    const entry = this.#some(target);
    const { revision } = target;
    return (revision === undefined ? (entry.revisions[0] as ServedRevision) : this.#choose(entry, target, revision, undefined)).versions;
  }

  /** The first one gets what the others do not; empty while there is none that could answer. */
  revisions({ namespace, name }: Pick<Target, "namespace" | "name">): readonly ServedRevision[] {
    return this.#entry(namespace, name)?.revisions ?? [];
  }

  statuses(): ModelStatus[] {
    const own = [...this.#namespaces].flatMap(([namespace, names]) =>
      [...names].flatMap(([name, entry]) => (this.#overrides.get(namespace, name) === undefined ? entry : [])),
    );
    return [...own, ...this.#overrides.entries()].flatMap(({ revisions }) => {
      const [first] = revisions;
      if (first === undefined) return [];
      const latest = first.versions.find(({ spec }) => spec.version === first.version) ?? latestOf(first.versions);
      return [...new Set(versionsOf(revisions))].map((version) => version.status(version === latest));
    });
  }

  has({ namespace, name }: Pick<Target, "namespace" | "name">): boolean {
    return this.#entry(namespace, name) !== undefined;
  }

  /** The hosts that the model's versions are in, or were in last; of a service with several models, those of all. */
  hostNames({ namespace, name }: Target): string[] {
    const entries = [this.#entry(namespace, name), ...this.modelsOf({ namespace, name }).map((each) => this.#entry(namespace, each))];
    const versions = entries.flatMap((entry) => versionsOf(entry?.revisions ?? []));
    return [...new Set(versions.flatMap(({ hostName }) => hostName ?? []))];
  }

  /** Names of a namespace, or of a service in it, each of another model, those that have no versions yet too. */
  names(namespace: string, service?: string): string[] {
    const own = [...(this.#namespaces.get(namespace) ?? [])].flatMap(([name, { alias, isEmpty }]) =>
      alias === undefined && isEmpty !== true ? [name] : [],
    );
    const all = [...new Set([...own, ...this.#overrides.names(namespace)])];
    return service === undefined ? all : all.filter((name) => name === service || this.serviceOf({ namespace, name }) === service);
  }

  /** Names of a service's models that are not its own. */
  modelsOf({ namespace, name }: Pick<Target, "namespace" | "name">): string[] {
    return [...(this.#namespaces.get(namespace) ?? [])].flatMap(([model, { service }]) => (service === name ? [model] : []));
  }

  /** The service whose model a name means; the name itself where that is the service's. */
  serviceOf({ namespace, name }: Pick<Target, "namespace" | "name">): string {
    return this.#namespaces.get(namespace)?.get(name)?.service ?? name;
  }

  /** @throws ServeError NOT_FOUND for a revision that nobody has */
  #choose(entry: Entry, target: Target, asked: string | undefined, context: RequestContext | undefined): ServedRevision {
    const { revisions } = entry;
    const first = revisions[0] as ServedRevision;
    const named = asked === undefined ? undefined : revisionNamed(revisions, asked);
    // One that was chosen for it may have gone, or have failed, before it was its turn.
    if (named !== undefined && (context?.assigned !== true || named === first || answers(named))) {
      if (context !== undefined) context.keepTo(named.name, context.assigned);
      return named;
    }
    if (asked !== undefined && context?.assigned !== true) throw unknownRevision(target.name, asked, revisions);
    if (context === undefined) return withVersion(revisions, first, target.version);
    const key = affinityOf(context, entry.affinityHeader);
    const point = key === undefined ? this.#random() * 100 : pointOf(`${target.namespace}/${entry.service ?? target.name}`, key);
    const chosen = revisionAt(revisions, point);
    const revision = withVersion(revisions, answers(chosen) ? chosen : first, target.version);
    context.keepTo(revision.name, true);
    return revision;
  }

  /** @throws ServeError NOT_FOUND with the closest names, UNAVAILABLE for a model that has no versions yet */
  #some({ namespace, name, service }: Target): Entry {
    const entry = this.#entry(namespace, name);
    if (entry === undefined) throw this.#unknown(namespace, name);
    if (service !== undefined && this.serviceOf({ namespace, name }) !== service) throw notOfService(name, service);
    if (entry.revisions.length > 0) return entry;
    throw new ServeError("UNAVAILABLE", `Model with name ${name} is not ready. ${entry.pending}`, { retryAfter: 1, refusal: "not_ready" });
  }

  #entry(namespace: string, name: string): Entry | undefined {
    const own = this.#namespaces.get(namespace)?.get(name);
    if (own?.alias !== undefined) return this.#entry(namespace, own.alias);
    return this.#overrides.get(namespace, name) ?? own;
  }

  #own(namespace: string, name: string): Entry | undefined {
    return this.#namespaces.get(namespace)?.get(this.#meant(namespace, name));
  }

  /** What an alias stands for. */
  #meant(namespace: string, name: string): string {
    return this.#namespaces.get(namespace)?.get(name)?.alias ?? name;
  }

  #enter(namespace: string, name: string, entry: Entry): void {
    let names = this.#namespaces.get(namespace);
    if (names === undefined) {
      names = new Map();
      this.#namespaces.set(namespace, names);
    }
    names.set(name, entry);
  }

  #unknown(namespace: string, name: string): ServeError {
    const closest = closestNames(name, this.names(namespace));
    const hint = closest.length > 0 ? ` Did you mean ${closest.join(" or ")}?` : "";
    // Clients of KServe and of Triton each look for their own server's words.
    return new ServeError("NOT_FOUND", `Model with name ${name} does not exist. Request for unknown model: '${name}' is not found.${hint}`);
  }
}

/** Below the prefix of a service. */
function notOfService(name: string, service: string): ServeError {
  const text = `Model with name ${name} does not exist. Request for unknown model: '${name}' is not found`;
  return new ServeError("NOT_FOUND", `${text}. Below this prefix there is only ${JSON.stringify(service)}, and its models`);
}

function versionsOf(revisions: readonly ServedRevision[]): readonly ModelVersion[] {
  return revisions.flatMap(({ versions }) => versions);
}

function byVersion(left: ModelVersion, right: ModelVersion): number {
  return Number(left.spec.version) - Number(right.spec.version);
}

/** The chosen revision, unless only another one has the version that is asked for. */
function withVersion(revisions: readonly ServedRevision[], chosen: ServedRevision, version: string | undefined): ServedRevision {
  if (version === undefined || hasVersion(chosen, version)) return chosen;
  return revisions.find((revision) => hasVersion(revision, version)) ?? chosen;
}

function hasVersion({ versions }: ServedRevision, version: string): boolean {
  return versions.some(({ spec }) => spec.version === version);
}

function listed({ revisions }: Entry, { versions }: ServedRevision, asked: string | undefined): string {
  const of = asked === undefined ? revisions.flatMap((revision) => revision.versions) : versions;
  return [...new Set(of.map(({ spec }) => spec.version))].join(", ");
}

function unknownRevision(model: string, asked: string, revisions: readonly ServedRevision[]): ServeError {
  const names = revisions.map(({ name, tags }) => (tags.length === 0 ? name : `${name} (${tags.join(", ")})`));
  const shown = asked.length > 100 ? `${asked.slice(0, 100)}…` : asked;
  return new ServeError("NOT_FOUND", `model '${model}' has no revision ${JSON.stringify(shown)} now; it has ${names.join(", ")}`);
}

function latestOf(versions: readonly ModelVersion[]): ModelVersion {
  const answering = versions.findLast((version) => version.answers);
  return answering ?? versions.findLast(({ state }) => state !== "failed") ?? (versions.at(-1) as ModelVersion);
}
