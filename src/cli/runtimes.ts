import { isLoopback } from "../access/index.ts";
import { BUILT_IN_RUNTIMES } from "../built-in-runtimes.ts";
import { readBuiltInRuntimes } from "../resources/index.ts";
import { type ApiObject, listObjects } from "./api-objects.ts";
import type { Client } from "./client.ts";
import type { ConfigurationFacts } from "./configuration-facts.ts";
import { CliError, NoServerError } from "./errors.ts";
import { CLUSTER_RUNTIMES, RUNTIMES } from "./kinds.ts";
import { NEVER_CREATED } from "./local-resources.ts";
import { parseOutput, printValue, toList } from "./print-objects.ts";
import { candidatesText } from "./runtime-candidates.ts";
import type { Installed, RuntimeMachine } from "./runtime-machine.ts";
import { formatsInWords, placeOf, protocolsInWords, type RuntimePlace } from "./runtime-rows.ts";
import { containerOf, runtimeFields } from "./spec-fields.ts";
import { type Cell, renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export interface RuntimesOptions {
  readonly namespace: string;
  readonly output?: string;
  /** `FORMAT` or `FORMAT:VERSION` of a model. */
  readonly for?: string;
  readonly protocol?: string;
}

/** A runtime and what this machine has for it. */
interface Known {
  readonly object: ApiObject;
  readonly place: RuntimePlace;
  /** Undefined where the server is another machine. */
  readonly installed: Installed | undefined;
}

/**
 * `nitrous runtimes`: every runtime that a model of the namespace may get, its own ones first, and whether this machine has what it
 * needs; with `--for`, which one a model of that format gets and why. Without a server, those that nitrous brings. @throws CliError
 */
export async function runtimesCommand(
  { namespace, ...options }: RuntimesOptions,
  client: Client,
  machine: RuntimeMachine,
  terminal: Terminal,
): Promise<void> {
  const output = parseOutput(options.output, ["json", "yaml", "wide"] as const);
  if (options.for === undefined && options.protocol !== undefined) throw new CliError("--protocol needs --for FORMAT", 2);
  const items = await runtimesOf(client, namespace, terminal);
  if (options.for !== undefined) {
    if (output !== undefined) throw new CliError("--for tells people; 'nitrous validate -o json' tells machines", 2);
    terminal.print(candidatesText({ namespace, format: options.for, protocol: options.protocol }, items, terminal));
    return;
  }
  const isHere = isLoopback(new URL(client.server).hostname.replace(/^\[|\]$/g, ""));
  const known = await Promise.all(
    items.map(
      async (object): Promise<Known> =>
        isHere
          ? { object, place: await machine.place(object), installed: await machine.installed(object) }
          : { object, place: placeOf(object), installed: undefined },
    ),
  );
  const configurations = isHere ? await machine.configurations() : [];
  if (output === "json" || output === "yaml") {
    terminal.print(printValue(forMachines(known, configurations), output));
    return;
  }
  terminal.print(
    renderTable(
      titles(output === "wide"),
      known.map((each) => row(each, output === "wide")),
      terminal,
    ),
  );
  if (configurations.length > 0) terminal.print(`\n${configurationTable(configurations, terminal)}`);
}

async function runtimesOf(client: Client, namespace: string, terminal: Terminal): Promise<readonly ApiObject[]> {
  try {
    const [own, shared] = await Promise.all([listObjects(client, RUNTIMES, namespace), listObjects(client, CLUSTER_RUNTIMES, undefined)]);
    return [...own.items, ...shared.items];
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    terminal.note(`${error.message}\nThese are the runtimes that nitrous brings:`);
    return readBuiltInRuntimes(BUILT_IN_RUNTIMES).map((document) => ({
      ...document,
      metadata: { ...document.metadata, creationTimestamp: NEVER_CREATED },
    }));
  }
}

function titles(wide: boolean): string[] {
  return ["NAME", "SCOPE", "FORMATS", "PROTOCOLS", "WHERE", "DISABLED", ...(wide ? ["IMAGE"] : []), "INSTALLED"];
}

function row({ object, place, installed }: Known, wide: boolean): Cell[] {
  const { metadata, spec } = object;
  const { disabled, supportedModelFormats } = runtimeFields(spec);
  return [
    metadata.name,
    metadata.namespace === undefined ? "cluster" : "namespace",
    formatsInWords(supportedModelFormats),
    protocolsInWords(object),
    place,
    { text: String(disabled), style: disabled ? "yellow" : undefined },
    ...(wide ? [containerOf(spec).image ?? ""] : []),
    // Last, because it may be more than one word.
    installed === undefined ? "unknown" : { text: installed.text, style: installed.ready ? undefined : "yellow" },
  ];
}

function configurationTable(configurations: readonly ConfigurationFacts[], terminal: Terminal): string {
  const rows = configurations.map(({ name, chosen, devices, runAs, engine, here }): Cell[] => [
    { text: chosen ? `${name} *` : name, style: chosen ? "green" : undefined },
    devices,
    runAs,
    engine,
    here,
  ]);
  return renderTable(["CONFIGURATION", "DEVICES", "RUN AS", "ENGINE", "HERE"], rows, terminal);
}

function forMachines(known: readonly Known[], configurations: readonly ConfigurationFacts[]): unknown {
  const items = known.map(({ object, place, installed }) => ({
    ...object,
    status: {
      protocols: protocolsInWords(object).split(","),
      where: place,
      ...(installed === undefined ? {} : { ready: installed.ready, installed: installed.text }),
    },
  }));
  return { ...(toList(items) as object), configurations };
}
