import { existsSync } from "node:fs";
import { createEvents } from "../core/events.ts";
import { logSettingsOf } from "../core/log-settings.ts";
import { createLogger, logEvents, parseTraceParent } from "../observability/index.ts";
import { type NitrousServer, serve } from "../serve.ts";
import { readSettings, type Settings, SettingsError } from "../settings.ts";
import { banner } from "./banner.ts";
import { CliError } from "./errors.ts";

/** `nitrous serve`: runs until a signal asks it to stop. */
export async function serveCommand(paths: readonly string[], options: Record<string, unknown>): Promise<void> {
  const { settings, served, modelName, watch } = await settingsOf(paths, options);
  const events = createEvents();
  const logs = logSettingsOf(settings["log-level"]);
  const log = createLogger(logs, settings["log-format"]);
  logEvents(events, log);
  const server = await serve({
    paths: served,
    settings,
    events,
    logs,
    onFault: (error, traceparent) => {
      const trace = parseTraceParent(traceparent);
      if (trace === undefined) log.error(error);
      else log.error({ err: error, traceId: trace.traceId }, `${error.message} (trace ${trace.traceId})`);
    },
    watch,
    ...(modelName === undefined ? {} : { modelName }),
  }).catch((error: Error) => {
    throw new CliError(error.message, error instanceof SettingsError ? 2 : 1);
  });
  stopOnSignals(server, settings["drain-timeout"], (line) => log.info(line));
  log.info(`listening on ${server.url}${server.grpcPort === undefined ? "" : ` and on port ${server.grpcPort} for gRPC`}`);
  await server.loaded;
  process.stdout.write(banner(server, server.url, process.stdout.isTTY));
}

interface ServeArguments {
  readonly settings: Settings;
  readonly served: readonly string[];
  readonly modelName: string | undefined;
  readonly watch: boolean;
}

async function settingsOf(paths: readonly string[], options: Record<string, unknown>): Promise<ServeArguments> {
  const { config, watch, http_port: port, model_dir: directory, model_name: name, ...others } = kebab(options);
  const { "model-control-mode": mode, "model-repository": repositories, ...flags } = others;
  if (port !== undefined) flags["http-port"] = port;
  if (mode !== undefined) flags["model-control"] = mode;
  if (name !== undefined && directory === undefined) throw new CliError("--model_name needs --model_dir", 2);
  const file = typeof config === "string" ? config : existsSync("nitrous.yaml") ? "nitrous.yaml" : undefined;
  try {
    const settings = await readSettings({ flags, environment: process.env, ...(file === undefined ? {} : { file }) });
    const named = [typeof directory === "string" ? directory : [], repositories ?? []].flat() as string[];
    const served = [...paths, ...named];
    return { settings, served, modelName: name === undefined ? undefined : String(name), watch: watch === true };
  } catch (error) {
    throw error instanceof SettingsError ? new CliError(error.message, 2) : error;
  }
}

/** Commander names options in camel case; settings have the names of their flags. */
function kebab(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), value]),
  );
}

/**
 * The first signal drains; a second one, or a drain that takes too long, ends everything. The exit code is 0 when everything under
 * way was finished, 1 when some of it was cut off, 130 after the second signal.
 */
function stopOnSignals(server: NitrousServer, drainMs: number, say: (line: string) => void): void {
  let stopping = false;
  let isCut = false;
  const cut = (why: string, code: number): void => {
    isCut = true;
    say(`${why}: what was under way is cut off`);
    void server.destroy().finally(() => process.exit(code));
  };
  const stop = (): void => {
    if (stopping) {
      cut("stopping at once", 130);
      return;
    }
    stopping = true;
    say("stopping: finishing what is under way (once more to stop at once)");
    const timer = setTimeout(() => cut(`it has taken longer than ${drainMs / 1000} s (--drain-timeout)`, 1), drainMs);
    void server.close().then(() => {
      clearTimeout(timer);
      // The drain ends too when what it waited for is gone.
      if (isCut) return;
      say("stopped");
      process.exit(0);
    });
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}
