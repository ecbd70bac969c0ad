import { type ApiObject, getObject } from "./api-objects.ts";
import type { Client } from "./client.ts";
import { describeRuntime } from "./describe-runtime.ts";
import { describeService } from "./describe-service.ts";
import { describeTrainedModel } from "./describe-trained-model.ts";
import { CliError } from "./errors.ts";
import { eventsOf } from "./events.ts";
import { parseWanted, SERVICES, TRAINED_MODELS, type Wanted } from "./kinds.ts";
import { parseOutput, printValue, toList } from "./print-objects.ts";
import { shadowReportOf } from "./shadow-section.ts";
import type { Terminal } from "./terminal.ts";

export interface DescribeOptions {
  readonly namespace: string;
  readonly output?: string;
}

/** `nitrous describe [KIND] NAME...`: everything that the server knows of a resource, for people. @throws CliError */
export async function describeCommand(
  words: readonly string[],
  { namespace, ...options }: DescribeOptions,
  client: Client,
  terminal: Terminal,
): Promise<void> {
  const output = parseOutput(options.output, ["json", "yaml"] as const);
  const wanted = parseWanted(words).map(({ kind, name }) => {
    if (name === undefined) throw new CliError(`describe needs the name of one; 'nitrous get ${kind.short}' lists them`, 2);
    return { kind, name };
  });
  const objects = await Promise.all(wanted.map(({ kind, name }) => getObject(client, kind, namespace, name)));
  if (output !== undefined) {
    terminal.print(printValue(objects.length === 1 ? objects[0] : toList(objects), output));
    return;
  }
  const texts = await Promise.all(
    objects.map((object, index) => describeObject(wanted[index]?.kind ?? SERVICES, object, client, terminal)),
  );
  terminal.print(texts.join("\n"));
}

async function describeObject(kind: Wanted["kind"], object: ApiObject, client: Client, terminal: Terminal): Promise<string> {
  const { name, namespace } = object.metadata;
  if (kind === TRAINED_MODELS) return describeTrainedModel(object, await eventsOf(client, namespace, name), terminal);
  if (kind !== SERVICES) return describeRuntime(kind, object, terminal);
  const isShadowed = object.metadata.annotations?.["nitrous/shadow"] !== undefined;
  const [events, shadow] = await Promise.all([
    eventsOf(client, namespace, name),
    isShadowed ? shadowReportOf(client, namespace ?? "", name) : undefined,
  ]);
  return describeService(object, events, terminal, shadow);
}
