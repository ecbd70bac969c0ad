import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { messageOf } from "../core/errors.ts";
import type { Engine, RunAs } from "../core/runtime-configuration.ts";
import { findInterpreters } from "../environments/index.ts";
import { chooseEngine, type FoundEngine, findEngines } from "../executors/index.ts";
import { programOf } from "../runtimes/index.ts";
import type { Settings } from "../settings.ts";
import type { ApiObject } from "./api-objects.ts";
import { type ConfigurationFacts, configurationFacts } from "./configuration-facts.ts";
import { placeOf, type RuntimePlace } from "./runtime-rows.ts";
import { type ServerFacts, serverFacts } from "./server-facts.ts";
import { containerOf } from "./spec-fields.ts";

/** Whether what a runtime needs is on this machine. */
export interface Installed {
  readonly ready: boolean;
  /** A version where one is known, or what is missing. */
  readonly text: string;
}

/** What a command asks about this machine. */
export interface RuntimeMachine {
  /** As a server that is started here decides it. */
  place(object: ApiObject): Promise<RuntimePlace>;
  installed(object: ApiObject): Promise<Installed>;
  configurations(): Promise<readonly ConfigurationFacts[]>;
}

/** This machine, of which everything is looked at once, and only what is asked for. */
export function thisMachine(settings: Settings): RuntimeMachine {
  const servers = once(() => serverFacts(settings));
  const engines = once(() => findEngines(process.env));
  const configurations = once(() => configurationFacts(settings));
  const python = once(() => findInterpreters(settings.python).then(() => YES, no));
  const chosen = async (): Promise<{ readonly runAs: RunAs; readonly engine: Engine }> => {
    const { runAs = "auto", engine = "auto" } = (await configurations()).find((each) => each.chosen) ?? {};
    const { "run-as": asked, "container-engine": wanted } = settings;
    return { runAs: asked === "auto" ? runAs : asked, engine: wanted === "auto" ? engine : wanted };
  };
  const place: RuntimeMachine["place"] = async (object) => placeOf(object, (await chosen()).runAs);
  return {
    place,
    configurations,
    async installed(object) {
      switch (await place(object)) {
        case "elsewhere":
          return { ready: true, text: "" };
        case "node":
          return YES;
        case "python":
        case "auto":
          return await python();
        case "container":
          return engineInWords(await engines(), (await chosen()).engine);
        case "process":
          return await processInstalled(object, await servers());
      }
    },
  };
}

const YES: Installed = { ready: true, text: "yes" };

function no(error: unknown): Installed {
  return { ready: false, text: `no: ${messageOf(error)}` };
}

function once<Value>(look: () => Promise<Value>): () => Promise<Value> {
  let found: Promise<Value> | undefined;
  return () => {
    found ??= look();
    return found;
  };
}

function engineInWords(found: readonly FoundEngine[], choice: Engine): Installed {
  try {
    const { kind, version } = chooseEngine(found, choice);
    return { ready: true, text: `${kind} ${version}` };
  } catch (error) {
    return no(error);
  }
}

async function processInstalled(object: ApiObject, servers: readonly ServerFacts[]): Promise<Installed> {
  const { command } = containerOf(object.spec);
  const annotation = object.metadata.annotations?.["nitrous/program"];
  const program = programOf({ command, ...(annotation === undefined ? {} : { program: annotation }) });
  const facts = servers.find(({ name }) => name === program?.name);
  if (facts !== undefined) return { ready: facts.problem === undefined, text: serverInWords(facts) };
  const [first = ""] = command;
  return (await isOnPath(first)) ? YES : no(new Error(`${first} is not on the PATH`));
}

/** In the table's words; the whole of what to do is in the doctor's report. */
function serverInWords({ file, version, from, problem, name }: ServerFacts): string {
  if (file === undefined) {
    const installable = problem?.endsWith(`nitrous runtimes install ${name}`) === true;
    return installable ? `no: nitrous runtimes install ${name}` : "no: see nitrous doctor";
  }
  return problem === undefined ? `${version ?? "yes"} (${from})` : `no: ${problem}`;
}

async function isOnPath(name: string): Promise<boolean> {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const files = name.startsWith("/") ? [name] : folders.map((folder) => join(folder, name));
  const found = await Promise.all(
    files.map((file) =>
      access(file, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
