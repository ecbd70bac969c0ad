import type { JsonObject } from "../core/inference.ts";
import { canarySpecs, promotedSpec, wholeSpec, withDecisive } from "../resources/index.ts";
import { type ApiObject, getObject, toApiObject } from "./api-objects.ts";
import { type Client, RefusedError } from "./client.ts";
import { CliError } from "./errors.ts";
import { pathOf, printedName, SERVICES } from "./kinds.ts";
import { parseOutput, printValue } from "./print-objects.ts";
import { HISTORY_TITLES, historyRows, readHistory, revisionNumbered } from "./revision-history.ts";
import { isBlocked, statusOf } from "./service-status.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { waitUntilReady } from "./wait.ts";

export interface RolloutOptions {
  readonly namespace: string;
  /** Seconds. */
  readonly timeout?: number;
  readonly wait?: number;
  readonly canary?: string;
  readonly to?: string;
  readonly revision?: string;
  readonly output?: string;
}

/** Others may change the resource at the same time. */
const ATTEMPTS = 5;

/** `nitrous rollout status NAME`: waits until what was applied last serves with the part that it is to have. Answers the exit code. */
export async function rolloutStatus(
  name: string,
  { namespace, timeout = 300 }: RolloutOptions,
  client: Client,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const object = await getObject(client, SERVICES, namespace, name);
  return await follow(object, timeout, client, terminal, signal);
}

/** `nitrous rollout history NAME`: what became of the last revisions, or the spec of one of them. @throws CliError */
export async function rolloutHistory(
  name: string,
  { namespace, revision, output }: RolloutOptions,
  client: Client,
  terminal: Terminal,
): Promise<number> {
  const format = parseOutput(output, ["json", "yaml"]);
  const object = await getObject(client, SERVICES, namespace, name);
  const revisions = await readHistory(client, namespace, name);
  if (revision !== undefined) {
    const { spec, annotations } = revisionNumbered(revisions, revision);
    const shown = { ...(Object.keys(annotations).length === 0 ? {} : { annotations }), spec };
    terminal.print(printValue(shown, format ?? "yaml"));
  } else if (format !== undefined) terminal.print(printValue(revisions, format));
  else if (revisions.length === 0) terminal.note(`no revision of ${name} has served or failed yet`);
  else terminal.print(renderTable(HISTORY_TITLES, historyRows(revisions, object, terminal.now()), terminal));
  return 0;
}

/** `nitrous rollout promote NAME`: the newest revision, or a canary, gets all requests. Answers the exit code. @throws CliError */
export async function rolloutPromote(
  name: string,
  options: RolloutOptions,
  client: Client,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const { namespace, canary, wait } = options;
  const changed = await change(name, namespace, client, (object) => {
    const names = canarySpecs(object.spec as JsonObject).map((each) => each.name);
    const chosen =
      canary ?? (promotedSpec(object.spec as JsonObject, undefined) === undefined && names.length === 1 ? names[0] : undefined);
    const spec = promotedSpec(object.spec as JsonObject, chosen);
    if (spec === undefined) throw nothingToPromote(name, names, canary);
    // Nobody promotes what does not answer: the requests would stay where they are, and the part that it has would be forgotten.
    const status = statusOf(object);
    if (isBlocked(status)) throw new CliError(`the newest revision of ${name} cannot serve; 'nitrous rollout undo ${name}' takes it back`);
    return { spec };
  });
  terminal.print(`${printedName(SERVICES, name)} promoted\n`);
  return wait === undefined ? 0 : await follow(changed, wait, client, terminal, signal);
}

/** `nitrous rollout undo NAME`: an earlier revision gets all requests again. Answers the exit code. @throws CliError */
export async function rolloutUndo(
  name: string,
  { namespace, to, wait }: RolloutOptions,
  client: Client,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  let undone = "";
  const changed = await change(name, namespace, client, async (object) => {
    const revisions = await readHistory(client, namespace, name);
    const { latestCreatedRevision, latestRolledoutRevision, previousRolledoutRevision } = statusOf(object).components.predictor;
    const hasCanaries = canarySpecs(object.spec as JsonObject).length > 0;
    const isWhole = latestCreatedRevision === latestRolledoutRevision;
    if (to === undefined && isWhole && hasCanaries) {
      undone = "without canaries";
      return { spec: wholeSpec(object.spec as JsonObject) };
    }
    const wanted = to ?? (isWhole ? previousRolledoutRevision : latestRolledoutRevision);
    if (wanted === undefined) throw new CliError(`no earlier revision of ${name} has served; 'nitrous rollout history ${name}' lists them`);
    const { generation, spec, annotations } = revisionNumbered(revisions, wanted);
    undone = `back to revision ${generation}`;
    return { spec: wholeSpec(spec), annotations: withDecisive(object.metadata.annotations, annotations) };
  });
  terminal.print(`${printedName(SERVICES, name)} ${undone}\n`);
  return wait === undefined ? 0 : await follow(changed, wait, client, terminal, signal);
}

interface Change {
  readonly spec: JsonObject;
  readonly annotations?: Readonly<Record<string, string>>;
}

async function change(
  name: string,
  namespace: string,
  client: Client,
  next: (object: ApiObject) => Change | Promise<Change>,
): Promise<ApiObject> {
  for (let attempt = 1; ; attempt++) {
    const object = await getObject(client, SERVICES, namespace, name);
    const { spec, annotations } = await next(object);
    const metadata = { ...object.metadata, ...(annotations === undefined ? {} : { annotations }) };
    const body = { apiVersion: object.apiVersion, kind: object.kind, metadata, spec };
    try {
      return toApiObject(await client.send("PUT", pathOf(SERVICES, namespace, name), {}, body));
    } catch (error) {
      if (!(error instanceof RefusedError) || error.status !== 409 || attempt === ATTEMPTS) throw error;
    }
  }
}

async function follow(object: ApiObject, seconds: number, client: Client, terminal: Terminal, signal: AbortSignal): Promise<number> {
  const { name, namespace = "default" } = object.metadata;
  const isReady = await waitUntilReady([{ kind: SERVICES, before: undefined, after: object }], { seconds }, client, terminal, signal);
  if (!isReady) return 1;
  const { traffic } = statusOf(await getObject(client, SERVICES, namespace, name)).components.predictor;
  for (const { revisionName, percent = 0 } of traffic) terminal.print(`${revisionName} gets ${percent} % of the requests\n`);
  if (traffic.length > 1)
    terminal.note(`'nitrous rollout promote ${name}' gives all to the newest, 'nitrous rollout undo ${name}' takes it back`);
  return 0;
}

function nothingToPromote(name: string, canaries: readonly string[], asked: string | undefined): CliError {
  if (asked !== undefined) {
    const known = canaries.length === 0 ? "it has none" : `it has ${canaries.join(", ")}`;
    return new CliError(`${name} has no canary ${asked} in spec.canary; ${known}`);
  }
  if (canaries.length > 1) return new CliError(`${name} has several canaries; say which with --canary: ${canaries.join(", ")}`, 2);
  return new CliError(`there is nothing to promote: neither canaryTrafficPercent nor canaries are in the spec of ${name}`);
}
