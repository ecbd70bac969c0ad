import { type Command, Option } from "commander";
import { environmentVariable, SETTINGS } from "../settings.ts";
import { CliError } from "./errors.ts";
import {
  DEFAULT_WAIT_SECONDS,
  inNamespace,
  namespaceOf,
  type ServerOptions as Options,
  onServer,
  secondsIn,
  surroundings,
} from "./server-command.ts";

const KINDS = "Kinds: isvc (inferenceservice), tm (trainedmodel), sr (servingruntime), csr (clusterservingruntime), all.";

/** The commands about resources: clients of a running server, and `validate`, which needs none. */
export function addResourceCommands(program: Command): void {
  addApply(program);
  addGet(program);
  addDescribe(program);
  addDelete(program);
  addLogs(program);
  addEvents(program);
  addTop(program);
  addRuntimes(program);
  addValidate(program);
}

function addApply(program: Command): void {
  inNamespace(onServer(program.command("apply")), "namespace of resources that name none (default: default)")
    .description("make the server's resources what KServe YAML or JSON says")
    .addOption(fileOption().makeOptionMandatory())
    .option("-R, --recursive", "look into the folders of a folder too")
    .option("--dry-run [server]", "let the server check everything and change nothing")
    .option("--prune", "delete what was applied from the same files and folders before and is there no more")
    .option("--wait [seconds]", `wait until the models are ready, or have failed (default: ${DEFAULT_WAIT_SECONDS} seconds)`)
    .action(async (options: Options & { file: string[]; dryRun?: unknown; wait?: unknown }) => {
      const { applyCommand } = await import("./apply.ts");
      const { client, terminal, signal } = await surroundings(options);
      const { dryRun, wait, ...others } = options;
      const seconds = wait === undefined ? undefined : secondsIn("--wait", wait);
      const all = { ...others, dryRun: toDryRun(dryRun), ...(seconds === undefined ? {} : { wait: seconds }) };
      process.exitCode = await applyCommand(all, client, terminal, signal);
    });
}

function addGet(program: Command): void {
  inNamespaces(onServer(program.command("get")))
    .description("list resources")
    .argument("[kind]", "kind, or names of InferenceServices (default: isvc)")
    .argument("[names...]", "names of resources; KIND/NAME names one of any kind")
    .option("-l, --selector <labels>", "only resources with these labels, such as team=a,tier!=test")
    .option("-o, --output <format>", "json, yaml, wide or name (default: a table)")
    .option("-w, --watch", "go on with every change")
    .addHelpText("after", `\n${KINDS}`)
    .action(async (kind: string | undefined, names: string[], options: Options) => {
      const { getCommand } = await import("./get.ts");
      const { client, terminal, signal } = await surroundings(options);
      await getCommand(wordsOf(kind, names), { ...options, namespace: namespaceOf(options) }, client, terminal, signal);
    });
}

function addDescribe(program: Command): void {
  inNamespace(onServer(program.command("describe")))
    .description("tell everything about resources: how they are, why, and what to do next")
    .argument("<kind>", "kind, or names of InferenceServices")
    .argument("[names...]", "names of resources; KIND/NAME names one of any kind")
    .option("-o, --output <format>", "json or yaml (default: for people)")
    .addHelpText("after", `\n${KINDS}`)
    .action(async (kind: string, names: string[], options: Options) => {
      const { describeCommand } = await import("./describe.ts");
      const { client, terminal } = await surroundings(options);
      await describeCommand([kind, ...names], { ...options, namespace: namespaceOf(options) }, client, terminal);
    });
}

function addDelete(program: Command): void {
  inNamespace(onServer(program.command("delete")))
    .description("delete resources by name, by the files that hold them, or all of a kind")
    .argument("[kind]", "kind, or names of InferenceServices")
    .argument("[names...]", "names of resources; KIND/NAME names one of any kind")
    .addOption(fileOption())
    .option("-R, --recursive", "look into the folders of a folder too")
    .option("-l, --selector <labels>", "those with these labels; needs a kind and --yes")
    .option("--all", "all of the kind in the namespace; needs --yes")
    .option("-y, --yes", "delete what --all or --selector finds")
    .option("--ignore-not-found", "do not fail for what is not there")
    .option("--dry-run [server]", "let the server check everything and change nothing")
    .addHelpText("after", `\n${KINDS}`)
    .action(async (kind: string | undefined, names: string[], options: Options & { dryRun?: unknown }) => {
      const { deleteCommand } = await import("./delete.ts");
      const { client, terminal } = await surroundings(options);
      const all = { ...options, namespace: namespaceOf(options), dryRun: toDryRun(options.dryRun) };
      process.exitCode = await deleteCommand(wordsOf(kind, names), all, client, terminal);
    });
}

function addLogs(program: Command): void {
  inNamespace(onServer(program.command("logs")))
    .description("print what the processes of a model have printed")
    .argument("<name>", "name of the InferenceService")
    .option("-f, --follow", "go on with what they print")
    .option("--tail <lines>", "only the last lines")
    .action(async (name: string, options: Options) => {
      const { logsCommand } = await import("./logs.ts");
      const { client, terminal, signal } = await surroundings(options);
      await logsCommand(name, { ...options, namespace: namespaceOf(options) }, client, terminal, signal);
    });
}

function addEvents(program: Command): void {
  inNamespaces(onServer(program.command("events")))
    .description("list what happened to resources")
    .argument("[name]", "name of the InferenceService")
    .option("-w, --watch", "go on with what happens")
    .option("-o, --output <format>", "json or yaml (default: a table)")
    .action(async (name: string | undefined, options: Options) => {
      const { eventsCommand } = await import("./events.ts");
      const { client, terminal, signal } = await surroundings(options);
      await eventsCommand(name, { ...options, namespace: namespaceOf(options) }, client, terminal, signal);
    });
}

function addTop(program: Command): void {
  inNamespace(onServer(program.command("top")), "models of this namespace only")
    .description("show what every model does now: replicas, queue, rates, latencies, memory")
    .option("--sort <column>", "rps, p99, queue, memory or name (default: rps)")
    .option("--interval <seconds>", "time between two looks (default: 2)")
    .option("--once", "one look, then the end")
    .option("-o, --output <format>", "json or yaml: one look (default: a table)")
    .action(async (options: Options) => {
      const { processLiveTerminal, topCommand } = await import("./top.ts");
      const { client, terminal, signal } = await surroundings(options);
      await topCommand(options, client, terminal, processLiveTerminal(), signal);
    });
}

function addRuntimes(program: Command): void {
  const runtimes = inNamespace(onServer(program.command("runtimes")))
    .description("list the runtimes that a model of a namespace may get, and what this machine has for them")
    .option("--for <format>", "tell which one a model of this format gets and why, such as sklearn or sklearn:1")
    .option("--protocol <version>", "what that model is to speak: v1, v2, grpc-v1 or grpc-v2")
    .option("-o, --output <format>", "json, yaml or wide (default: a table)")
    .option("--cache-dir <folder>", `${SETTINGS["cache-dir"].description} [${environmentVariable("cache-dir")}]`)
    .option("--runtime <name>", `${SETTINGS.runtime.description} [${environmentVariable("runtime")}]`)
    .option("--runtimes <folder>", `${SETTINGS.runtimes.description} [${environmentVariable("runtimes")}]`)
    .action(async (options: Options & { cacheDir?: string; runtime?: string; runtimes?: string }) => {
      const [{ runtimesCommand }, { thisMachine }, { localSettings }] = await Promise.all([
        import("./runtimes.ts"),
        import("./runtime-machine.ts"),
        import("./local-settings.ts"),
      ]);
      const { client, terminal } = await surroundings(options);
      const settings = await localSettings({ "cache-dir": options.cacheDir, runtime: options.runtime, runtimes: options.runtimes });
      await runtimesCommand({ ...options, namespace: namespaceOf(options) }, client, thisMachine(settings), terminal);
    });
  runtimes
    .command("install")
    .description("install a server that nitrous knows into an environment of its own: vllm, triton or torchserve")
    .argument("<name>", "name of the server")
    .option("--cache-dir <folder>", `${SETTINGS["cache-dir"].description} [${environmentVariable("cache-dir")}]`)
    .option("--python <path>", `${SETTINGS.python.description} [${environmentVariable("python")}]`)
    .action(async (name: string, _options: unknown, command: Command) => {
      const [{ installRuntimeCommand }, { localSettings }, { processTerminal }] = await Promise.all([
        import("./install-runtime.ts"),
        import("./local-settings.ts"),
        import("./terminal.ts"),
      ]);
      const { cacheDir, python } = command.optsWithGlobals<{ cacheDir?: string; python?: string }>();
      const settings = await localSettings({ "cache-dir": cacheDir, python });
      const controller = new AbortController();
      process.once("SIGINT", () => controller.abort(new CliError("interrupted", 130)));
      await installRuntimeCommand(name, settings, processTerminal(), controller.signal);
    });
}

function addValidate(program: Command): void {
  inNamespace(program.command("validate"), "namespace of resources that name none (default: default)")
    .description("check KServe YAML or JSON without a server, and tell which runtime each model would get")
    .argument("<paths...>", "files, folders, or - for standard input")
    .option("-R, --recursive", "look into the folders of a folder too")
    .option("-o, --output <format>", "json or yaml (default: for people)")
    .action(async (paths: string[], options: Options) => {
      const [{ validateCommand }, { processTerminal }] = await Promise.all([import("./validate.ts"), import("./terminal.ts")]);
      process.exitCode = await validateCommand(paths, options, processTerminal());
    });
}

function inNamespaces(command: Command): Command {
  return inNamespace(command).option("-A, --all-namespaces", "of all namespaces");
}

function fileOption(): Option {
  const collect = (path: string, before: string[] | undefined): string[] => [...(before ?? []), path];
  return new Option("-f, --file <path>", "file or folder with resources, or - for standard input; may be repeated").argParser(collect);
}

function wordsOf(kind: string | undefined, names: readonly string[]): string[] {
  return kind === undefined ? [] : [kind, ...names];
}

function toDryRun(value: unknown): boolean {
  if (value === undefined || value === "none") return false;
  if (value === true || value === "server") return true;
  throw new CliError(`--dry-run=${String(value)}: only the server can try it; 'nitrous validate' checks files without one`, 2);
}
