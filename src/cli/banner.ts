import { styleText } from "node:util";
import { DEFAULT_NAMESPACE, type ModelStatus } from "../core/model.ts";
import type { ResourceView } from "../core/planes.ts";
import type { ResourceKey } from "../core/resource.ts";
import type { NitrousServer } from "../serve.ts";
import { statusOf } from "./service-status.ts";

/** What a person needs when the server is up: which models answer, where, and one line to try each with. */
export function banner(
  { controlPlane, restored, notices, needsKey }: Pick<NitrousServer, "controlPlane" | "restored" | "notices" | "needsKey">,
  url: string,
  colour: boolean,
): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string => (colour ? styleText(style, text) : text);
  const statuses = controlPlane.list();
  const answering = statuses.filter(({ answers }) => answers);
  const without = controlPlane.resources.list("InferenceService").items.filter((view) => !hasModel(view, statuses));
  const total = statuses.length + without.length;
  const title = total === 0 ? `nitrous serves at ${url}` : `${answering.length} of ${total} models are ready at ${url}`;
  const lines = ["", paint("bold", title), ""];
  for (const notice of notices) lines.push(`${paint("yellow", "!")} ${notice}`, "");
  if (restored.length > 0) lines.push(`Restored from the state: ${restoredInWords(restored)}`, "");
  if (needsKey())
    lines.push("Requests need a key; 'nitrous keys' makes and lists them. The lines below take it from $NITROUS_API_KEY.", "");
  const curl = needsKey() ? 'curl -s -H "Authorization: Bearer $NITROUS_API_KEY"' : "curl -s";
  for (const status of statuses) lines.push(...describe(status, url, curl, paint));
  for (const view of without) lines.push(...describeWithout(view, paint));
  const rejections = controlPlane.rejections();
  if (rejections.length > 0) lines.push(paint("bold", "Not served:"));
  for (const { path, reason } of rejections) lines.push(`  ${path}: ${reason}`);
  const unloaded = controlPlane.names(DEFAULT_NAMESPACE).filter((name) => !isServed(name, statuses, without));
  if (unloaded.length > 0) lines.push(`Not loaded: ${namesInWords(unloaded)}. Clients load them, and 'nitrous load NAME' does.`, "");
  if (total === 0 && unloaded.length === 0) lines.push("Nothing to serve yet: nitrous apply -f FILE adds an InferenceService.", "");
  return `${lines.join("\n")}\n`;
}

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

/** Names that a person can take in; of more, only the number is said. */
const MOST_NAMES = 10;

function restoredInWords(keys: readonly ResourceKey[]): string {
  const kinds = [...new Set(keys.map(({ kind }) => kind))];
  return kinds
    .map((kind) => {
      const names = keys.filter((key) => key.kind === kind).map(nameOf);
      return `${names.length} ${kind}${names.length === 1 ? "" : "s"} (${namesInWords(names)})`;
    })
    .join(", ");
}

function namesInWords(names: readonly string[]): string {
  const rest = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
  return `${names.slice(0, MOST_NAMES).join(", ")}${rest}`;
}

function isServed(name: string, statuses: readonly ModelStatus[], without: readonly ResourceView[]): boolean {
  const isOfService = (view: ResourceView): boolean => (statusOf(view).nitrous.modelName ?? view.metadata.name) === name;
  return statuses.some((status) => status.namespace === DEFAULT_NAMESPACE && status.name === name) || without.some(isOfService);
}

function nameOf({ namespace, name }: { readonly namespace?: string | undefined; readonly name: string }): string {
  return namespace === undefined || namespace === DEFAULT_NAMESPACE ? name : `${namespace}/${name}`;
}

function hasModel(view: ResourceView, statuses: readonly ModelStatus[]): boolean {
  const modelName = statusOf(view).nitrous.modelName ?? view.metadata.name;
  return statuses.some(({ namespace, name }) => namespace === view.metadata.namespace && name === modelName);
}

/** A service whose model could not even be found. */
function describeWithout(view: ResourceView, paint: Paint): string[] {
  const { conditions, modelStatus } = statusOf(view);
  const message =
    modelStatus?.lastFailureInfo?.message ?? conditions.find(({ type }) => type === "Ready")?.message ?? "it waits for its turn";
  return [`${paint("red", "✗")} ${paint("bold", nameOf(view.metadata))}`, ...message.split("\n").map((line) => `    ${line}`), ""];
}

function describe(status: ModelStatus, url: string, curl: string, paint: Paint): string[] {
  const { namespace, name, version, format, state, answers, reason, latest, description } = status;
  const title = `${paint("bold", nameOf({ namespace, name }))} ${paint("dim", `version ${version}, ${format}`)}`;
  if (!answers) {
    return [`${paint("red", "✗")} ${title}: ${state}`, ...reason.split("\n").map((line) => `    ${line}`), ""];
  }
  const base = namespace === DEFAULT_NAMESPACE ? url : `${url}/serving/${namespace}/${name}`;
  const path = latest ? `/v2/models/${name}` : `/v2/models/${name}/versions/${version}`;
  const lines = [`${paint("green", "✓")} ${title}`, `    ${base}${path}`];
  if (state === "standby") lines.push(`    ${reason}`);
  const command = exampleCommand(status, curl, base, path);
  if (command !== undefined) lines.push(`    ${command.length > LONGEST_COMMAND ? inferCommand(status, url) : command}`);
  for (const warning of description?.warnings ?? []) lines.push(`    ${paint("yellow", "!")} ${warning}`);
  return [...lines, ""];
}

/** Characters that a person may still want to read and copy. */
const LONGEST_COMMAND = 2000;

/** Sends the model's own example without showing it. */
function inferCommand({ namespace, name, version, latest }: ModelStatus, server: string): string {
  const place = namespace === DEFAULT_NAMESPACE ? "" : ` --namespace ${namespace}`;
  return `nitrous infer ${name}${place}${latest ? "" : ` --model-version ${version}`} --server ${server}`;
}

function exampleCommand({ name, version, latest, description }: ModelStatus, curl: string, url: string, path: string): string | undefined {
  const example = description?.example;
  if (typeof example !== "object" || example === null) return undefined;
  const body = JSON.stringify(example, (_key, value: unknown) => (typeof value === "bigint" ? Number(value) : value)).replaceAll(
    "'",
    "'\\''",
  );
  const v1 = "instances" in example;
  const target = v1 ? `/v1/models/${name}${latest ? "" : `/versions/${version}`}:predict` : `${path}/infer`;
  return `${curl} ${url}${target} -d '${body}'`;
}
