import { Command, Option } from "commander";
import { environmentVariable, SETTINGS } from "../settings.ts";
import { VERSION } from "../version.ts";
import { API_KEY_DESCRIPTION } from "./api-key.ts";
import { CliError } from "./errors.ts";
import { addKeysCommands } from "./keys-commands.ts";
import { addResourceCommands } from "./resource-commands.ts";
import { addRolloutCommands } from "./rollout-commands.ts";

const program = new Command("nitrous")
  .description("Serves models of any framework on one machine, over KServe V1 and the Open Inference Protocol.")
  .version(VERSION)
  .showHelpAfterError("(nitrous --help lists the commands)")
  .showSuggestionAfterError()
  // Help and the version end with 0; whatever else commander ends for was typed wrongly.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

const serve = program
  .command("serve")
  .description("serve models and what was applied")
  .argument("[paths...]", "model files, model folders, folders of models, YAML files of resources, catalogs of NOS and folders of these")
  .option("--watch", "apply YAML files of the paths again when they change, and load models again whose files do")
  .option("--config <file>", "settings file (default: nitrous.yaml in the working folder, when there is one)")
  .action(async (paths: string[], options: Record<string, unknown>) => {
    const { serveCommand } = await import("./serve.ts");
    await serveCommand(paths, options);
  });
for (const [name, schema] of Object.entries(SETTINGS)) {
  const flag = name === "insecure" ? `--${name}` : `--${name} <value>`;
  const fallback = schema.safeParse(undefined).data;
  const otherwise = fallback === undefined || fallback === false || typeof fallback === "object" ? "" : ` (default: ${fallback})`;
  const option = new Option(flag, `${schema.description}${otherwise} [${environmentVariable(name)}]`);
  if (Array.isArray(fallback)) option.argParser((value: string, before: string[] = []) => [...before, value]);
  serve.addOption(option);
}
// A ServingRuntime's container gets KServe's own spelling of these arguments.
serve.addOption(new Option("--http_port <value>", "the same as --http-port").hideHelp());
serve.addOption(new Option("--model_dir <path>", "the same as a path").hideHelp());
serve.addOption(new Option("--model_name <name>", "serve the model of --model_dir under this name").hideHelp());
// And Triton's.
serve.addOption(new Option("--model-control-mode <value>", "the same as --model-control").hideHelp());
serve.addOption(
  new Option("--model-repository <path>", "the same as a path")
    .argParser((value: string, before: string[] = []) => [...before, value])
    .hideHelp(),
);

program
  .command("infer")
  .description("send a request to a model of a running server")
  .argument("<name>", "name of the model")
  .option("-f, --file <file>", "request as JSON: Open Inference Protocol inputs or V1 instances; - for standard input")
  .option("-i, --input <name=value...>", "one input; the value is JSON, or text for BYTES inputs")
  .option("-m, --model-version <version>", "version of the model")
  .option("--method <method>", "method of the model (default: its default method)")
  .option("-n, --namespace <namespace>", "namespace of the model (default: default)")
  .option("-o, --output <format>", "table or json", "table")
  .option("--server <url>", `address of the server [${environmentVariable("server")}]`)
  .option("--api-key <key>", API_KEY_DESCRIPTION)
  .action(async (name: string, options: Record<string, unknown>) => {
    const { inferCommand } = await import("./infer.ts");
    await inferCommand(name, options);
  });

for (const [verb, description] of [
  ["load", "load a model that stands by, before somebody asks for it"],
  ["evict", "unload a model; it loads again at its next request"],
  ["drain", "have a model finish what is under way, and refuse requests until it is loaded again"],
] as const) {
  program
    .command(verb)
    .description(description)
    .argument("<name>", "name of the model")
    .option("-m, --model-version <version>", "version of the model")
    .option("-n, --namespace <namespace>", "namespace of the model (default: default)")
    .option("--server <url>", `address of the server [${environmentVariable("server")}]`)
    .option("--api-key <key>", API_KEY_DESCRIPTION)
    .action(async (name: string, options: Record<string, unknown>) => {
      const { residencyCommand } = await import("./residency.ts");
      await residencyCommand(verb, name, options);
    });
}

program
  .command("scale")
  .description("give a model so many replicas, or as many as its load needs")
  .argument("<name>", "name of the model")
  .requiredOption("--replicas <number>", "processes that answer, or auto; 0 unloads it until its next request")
  .option("-m, --model-version <version>", "version of the model")
  .option("-n, --namespace <namespace>", "namespace of the model (default: default)")
  .option("--server <url>", `address of the server [${environmentVariable("server")}]`)
  .option("--api-key <key>", API_KEY_DESCRIPTION)
  .action(async (name: string, options: Record<string, unknown> & { readonly replicas: string }) => {
    const { scaleCommand } = await import("./scale.ts");
    await scaleCommand(name, options);
  });

program
  .command("bench")
  .description("put load on a model of a running server, or replay what one has recorded, and measure")
  .argument("[name]", "name of the model")
  .option("-c, --connections <number>", "closed loop: each connection sends its next request when it has an answer (default: 16)")
  .option("-r, --rate <number>", "open loop: requests a second, whether or not earlier ones have been answered")
  .option("--arrivals <kind>", "how the requests of --rate arrive: poisson or constant (default: poisson)")
  .option("-s, --seconds <number>", "how long requests are sent (default: 10)")
  .option("--seed <number>", "equal seeds make equal arrivals (default: 1)")
  .option("-d, --data <file>", "request as JSON: inputs or instances; - for standard input (default: the model's example)")
  .option("--deadline <milliseconds>", "sent with each request, and counts what is answered in time")
  .option("--priority <number>", "sent with each request: 1 is served first, 5 last")
  .option("--replay <file>", "send what 'nitrous serve --record FILE' has recorded, when it was sent")
  .option("--speed <number>", "replay so many times as fast (default: 1)")
  .option("-m, --model-version <version>", "version of the model")
  .option("-n, --namespace <namespace>", "namespace of the model (default: default)")
  .option("-o, --output <format>", "json or yaml (default: text)")
  .option("--server <url>", `address of the server [${environmentVariable("server")}]`)
  .option("--api-key <key>", API_KEY_DESCRIPTION)
  .action(async (name: string | undefined, options: Record<string, unknown>) => {
    const { benchCommand } = await import("./bench.ts");
    await benchCommand(name, options);
  });

program
  .command("doctor")
  .description("say what this machine has for nitrous, and what is missing")
  .option("-o, --output <format>", "json or yaml (default: a table)")
  .option("--state-dir <folder>", `${SETTINGS["state-dir"].description} [${environmentVariable("state-dir")}]`)
  .option("--cache-dir <folder>", `${SETTINGS["cache-dir"].description} [${environmentVariable("cache-dir")}]`)
  .option("--python <path>", `${SETTINGS.python.description} [${environmentVariable("python")}]`)
  .option("--isolation <mode>", `${SETTINGS.isolation.description} [${environmentVariable("isolation")}]`)
  .action(async ({ output, stateDir, cacheDir, python, isolation }: Record<string, string>) => {
    const [{ doctorCommand }, { machineFacts }, { processTerminal }, { readSettings, SettingsError }] = await Promise.all([
      import("./doctor.ts"),
      import("./doctor-facts.ts"),
      import("./terminal.ts"),
      import("../settings.ts"),
    ]);
    const given = Object.entries({ "state-dir": stateDir, "cache-dir": cacheDir, python, isolation });
    const flags = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    const settings = await readSettings({ flags, environment: process.env }).catch((error: unknown) => {
      throw error instanceof SettingsError ? new CliError(error.message, 2) : error;
    });
    doctorCommand(await machineFacts(settings), output === undefined ? {} : { output }, processTerminal());
  });

program
  .command("openapi")
  .description("print the OpenAPI document of a running server's routes")
  .option("--server <url>", `address of the server [${environmentVariable("server")}]`)
  .option("--api-key <key>", API_KEY_DESCRIPTION)
  .action(async (options: Record<string, string>) => {
    const [{ openapiCommand }, { processTerminal }] = await Promise.all([import("./openapi.ts"), import("./terminal.ts")]);
    await openapiCommand(options, processTerminal());
  });

addResourceCommands(program);
addRolloutCommands(program);
addKeysCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  process.stderr.write(`nitrous: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
