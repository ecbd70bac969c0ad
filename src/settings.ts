import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { parseRateLimit, RATE_LIMIT_RULE, type RateLimit } from "./core/rate-limit.ts";
import { parseRestrictions, type Restrictions } from "./core/restricted-apis.ts";
import { TRITON_SETTINGS } from "./triton-settings.ts";

const positive = z.coerce.number().int().positive();

/** Whole numbers by name: a map, or NAME=COUNT,NAME=COUNT. */
const counts = () =>
  z
    .record(z.string(), z.number())
    .or(z.string())
    .transform((value, context) => (typeof value === "string" ? countsFromText(value, context) : value))
    .superRefine(checkCounts)
    .default({});

/** One configuration of a user's own, in `runtimes:` or as a YAML file of a folder. */
export const runtimeConfigurationSchema = z.strictObject({
  extends: z.string().min(1).optional(),
  devices: z.enum(["none", "nvidia", "neuron"]).optional(),
  "run-as": z.enum(["auto", "process", "container"]).optional(),
  engine: z.enum(["auto", "podman", "docker", "off"]).optional(),
  env: z.record(z.string().regex(/^[^=\0]+$/, "expected a name without '='"), z.coerce.string()).optional(),
  images: z.record(z.string(), z.string().min(1)).optional(),
});

/** Every setting once: flag `--http-port`, environment variable `NITROUS_HTTP_PORT`, and key `http-port` in nitrous.yaml. */
export const SETTINGS = {
  host: z
    .string()
    .min(1)
    .default("127.0.0.1")
    .describe("address to listen on; one that is not loopback needs keys (nitrous keys create) or --insecure"),
  "http-port": z.coerce.number().int().min(0).max(65535).default(8080).describe("port for HTTP; 0 takes a free one"),
  "grpc-port": z
    .union([z.literal("off"), z.coerce.number().int().min(0).max(65535)], "expected a port or off")
    .optional()
    .describe("port for gRPC; 0 takes a free one, off serves none (default: 8081, or a free one when --http-port is 0)"),
  insecure: z
    .stringbool()
    .or(z.boolean())
    .default(false)
    .describe("let others reach a server that has no keys: everybody may do everything"),
  "allowed-host": z
    .array(z.string())
    .or(z.string().transform((text) => text.split(",").map((name) => name.trim())))
    .pipe(
      z.array(
        z
          .string()
          .regex(/^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/, "expected names such as models.example.com or *.example.com"),
      ),
    )
    .default([])
    .describe("more names of this server in Host and Origin headers, with commas between them; *.example.com is all names below it"),
  "tls-cert": z
    .string()
    .min(1)
    .optional()
    .describe("certificate as PEM file; the server then speaks HTTPS only, and takes a new one when the file changes"),
  "tls-key": z.string().min(1).optional().describe("private key of --tls-cert as PEM file"),
  "model-store": z
    .string()
    .min(1)
    .optional()
    .describe("folder whose archives (.mar) clients of TorchServe register by their names alone: POST /models?url=NAME.mar"),
  "allow-client-shm": z
    .stringbool()
    .or(z.boolean())
    .default(false)
    .describe("let clients on this machine name shared memory of theirs that requests read tensors from and answers are written to"),
  "state-dir": z.string().min(1).optional().describe("folder for the state: what was applied (default: .nitrous in the home folder)"),
  "cache-dir": z
    .string()
    .min(1)
    .optional()
    .describe("folder for what can be made again: Python environments, tools, downloads (default: the state directory)"),
  ...TRITON_SETTINGS,
  "server-name": z.string().min(1).default("nitrous").describe("name in the server metadata"),
  "log-level": z.enum(["debug", "info", "warn", "error", "silent"]).default("info").describe("least severe log lines to print"),
  "log-format": z.enum(["text", "json"]).default("text").describe("log lines for people or for machines"),
  "log-directory": z
    .string()
    .min(1)
    .optional()
    .describe("folder in which clients may have log files written with POST /v2/logging (default: they may not)"),
  "trace-file": z
    .string()
    .min(1)
    .optional()
    .describe("file for the traces of requests that POST /v2/trace/setting asks for (default: there are none)"),
  "trace-level": z.enum(["OFF", "TIMESTAMPS"]).default("OFF").describe("what --trace-file gets before anybody asks for something else"),
  "trace-rate": positive.default(1000).describe("one of so many requests is traced in --trace-file"),
  "metrics-port": z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .optional()
    .describe("second port for GET /metrics alone, such as Triton's 8002; 0 takes a free one (default: none)"),
  "restricted-api": z
    .string()
    .default("")
    .transform(restrictionsFromText)
    .describe("parts of the Open Inference Protocol that need a header, as API,API:HEADER=VALUE;API:HEADER=VALUE (default: none)"),
  "header-forward-pattern": z
    .string()
    .min(1)
    .transform(patternFromText)
    .optional()
    .describe(
      "regular expression; headers of Open Inference requests whose whole names match are parameters for the model (default: none)",
    ),
  "response-cache-bytes": positive
    .default(64 * 1024 * 1024)
    .describe("bytes of answers that are kept for models whose resource says nitrous/response-cache"),
  "server-timing": z
    .enum(["on", "off"])
    .default("on")
    .describe("answers to inference requests say in the header Server-Timing where their time went"),
  traces: z
    .url({ protocol: /^https?$/, error: "expected an address such as http://127.0.0.1:4318" })
    .optional()
    .describe("address of an OTLP/HTTP receiver that gets traces, such as http://127.0.0.1:4318 (default: OTEL_EXPORTER_OTLP_ENDPOINT)"),
  record: z.string().min(1).optional().describe("new file that gets every inference request, for nitrous bench --replay"),
  "record-bodies": z.enum(["on", "off"]).default("on").describe("whether a recording has the bodies of requests, or only their sizes"),
  "record-max-bytes": positive.default(1024 * 1024 * 1024).describe("bytes after which a recording ends"),
  "max-body-bytes": positive.default(64 * 1024 * 1024).describe("largest request body, also when decompressed"),
  "max-body-memory": positive
    .default(1024 * 1024 * 1024)
    .describe("bytes of request bodies, and of answers that have not been taken, that may be held at once"),
  "max-decompression-ratio": positive
    .default(100)
    .describe("times that a compressed body of more than a mebibyte may be larger than what was sent"),
  "max-connections": positive.default(4096).describe("connections at once; beyond it the one that is idle for longest is closed"),
  "header-timeout": positive.default(10_000).describe("milliseconds in which the headers of a request must come"),
  "body-timeout": positive.default(60_000).describe("milliseconds in which the body of a request must come"),
  "answer-timeout": positive
    .default(60_000)
    .describe("milliseconds for which a client may take nothing of an answer; then its connection is ended"),
  "request-timeout": positive.default(60_000).describe("milliseconds after which a request is given up"),
  "tenant-header": z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, "expected the name of a header, such as x-tenant")
    .transform((name) => name.toLowerCase())
    .optional()
    .describe("header that names whose request it is, for requests that need no key (default: none)"),
  "rate-limit": z
    .string()
    .transform(rateLimitFromText)
    .optional()
    .describe("requests that each key may send to each model, such as 100/s or 100/s burst 200 (default: no limit)"),
  "max-queue-requests": positive.default(4096).describe("requests that may wait for one model"),
  "max-queue-bytes": positive.default(256 * 1024 * 1024).describe("bytes of requests that may wait for one model"),
  "max-streams": positive.default(64).describe("streams that one model may have open at once"),
  "max-batch-rows": positive.default(256).describe("rows that one batch may have"),
  "concurrent-loads": positive.optional().describe("models that may load at the same time (default: the number of processors, at most 4)"),
  "load-priority": z
    .enum(["low", "normal"])
    .default("low")
    .describe("whether models that load leave the processors to those that serve, where the system lets the server decide that"),
  "memory-budget": positive.optional().describe("bytes that all hosts may use together (default: 80 % of what is available)"),
  "execution-limits": counts().describe(
    "how much of each named resource the calls of all models may hold at once, as NAME=COUNT,NAME=COUNT",
  ),
  "max-models-per-host": positive.default(1).describe("small ONNX models that may share one host process"),
  runtime: z
    .string()
    .min(1)
    .default("auto")
    .describe("how servers of their own run here: cpu, gpu, trt, inf2 or one of --runtimes; auto takes what the machine's devices mean"),
  runtimes: z
    .record(z.string(), runtimeConfigurationSchema)
    .or(z.string().min(1))
    .default({})
    .describe("runtime configurations of your own: a folder with a YAML file for each, or in nitrous.yaml a map of them"),
  volumes: z
    .record(z.string(), z.string())
    .or(z.string().transform(volumesFromText))
    .default({})
    .describe("folders that stand for volumes in pvc://NAME/path, as NAME=FOLDER,NAME=FOLDER"),
  "max-concurrent-models": positive
    .optional()
    .describe("models that may be loaded at once; others are loaded at their first request (default: what fits)"),
  "eviction-policy": z
    .enum(["cost", "lru", "lfu", "fifo"])
    .default("cost")
    .describe(
      "which model goes first when another needs its room: what costs least to load again, or was used or loaded longest ago or least often",
    ),
  "namespace-memory": counts().describe("bytes that the hosts of a namespace may use together, as NAME=BYTES,NAME=BYTES"),
  "device-memory-budget": counts().describe(
    "bytes that hosts may use of a GPU's memory, as DEVICE=BYTES,DEVICE=BYTES with the numbers of nvidia-smi (default: 90 % of what is free)",
  ),
  "outgrow-factor": z.coerce
    .number()
    .min(1.1)
    .default(3)
    .describe(
      "times what it was after its load that a host's memory may become, and 512 MiB more than that; then it is drained and started again",
    ),
  "idle-timeout": positive
    .optional()
    .describe(
      "milliseconds without a request after which a model that is not pinned is unloaded (default: 60000 with minReplicas: 0, else never)",
    ),
  "max-host-memory": positive
    .optional()
    .describe("bytes that one host may use; one that uses more is ended and started again (default: the memory budget)"),
  "host-timeout": positive
    .default(300_000)
    .describe("milliseconds that a host may still work on a request that has been given up; then it is ended and started again"),
  "drain-timeout": positive.default(30_000).describe("milliseconds that requests under way get to finish when the server is asked to stop"),
  "load-timeout": positive.default(600_000).describe("milliseconds that a load may take from the start of its host"),
  trust: z
    .array(z.string())
    .or(z.string().transform((text) => [text]))
    .default([])
    .transform((names) => names.flatMap((text) => text.split(",")).flatMap((name) => name.trim() || []))
    .describe("models of the command line whose pickles may run code when they are loaded, as NAME,NAME, or all"),
  "threads-per-host": positive.default(1).describe("threads that a host may use for one call"),
  "framework-version": z
    .enum(["compatible", "exact"])
    .default("compatible")
    .describe("whether a newer scikit-learn may load an older pickle"),
  isolation: z
    .enum(["auto", "off", "required"])
    .default("auto")
    .describe("confine the hosts of models that nobody said to trust: where the machine can, never, or refuse to serve them elsewhere"),
  inline: z
    .enum(["on", "off"])
    .default("on")
    .describe("answer tiny ONNX models of the command line, and those that somebody trusts, in the server's own process"),
  "secrets-directory": z
    .string()
    .min(1)
    .optional()
    .describe("folder with the secrets that runtimes' containers name: a file NAMESPACE/NAME/KEY for each key (default: none)"),
  "config-maps-directory": z
    .string()
    .min(1)
    .optional()
    .describe("folder with the config maps that runtimes' containers name: a file NAMESPACE/NAME/KEY for each key (default: none)"),
  "run-as": z
    .enum(["auto", "process", "container"])
    .default("auto")
    .describe("whether the programs of runtimes run as processes or in containers (default: what the runtime has: a command or an image)"),
  "container-engine": z
    .enum(["auto", "podman", "docker", "off"])
    .default("auto")
    .describe("what runs containers of runtimes with an image: the first that is installed, or none"),
  "environment-days": positive.default(30).describe("days after which a Python environment that no server has used is removed"),
  python: z.string().min(1).optional().describe("Python interpreter to make environments with"),
} as const;

/** `models=/srv/models,more=/srv/more` */
function volumesFromText(text: string, context: z.RefinementCtx): Record<string, string> {
  const pairs = text.split(",").filter((pair) => pair.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = "", folder = ""] = [pair.slice(0, pair.indexOf("=")).trim(), pair.slice(pair.indexOf("=") + 1).trim()];
      if (!pair.includes("=") || name === "" || folder === "") {
        context.addIssue({ code: "custom", message: `expected NAME=FOLDER, found ${JSON.stringify(pair)}` });
      }
      return [name, folder];
    }),
  );
}

/** `gpu=2,licence=1` */
function countsFromText(text: string, context: z.RefinementCtx): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const pair of text.split(",")) {
    if (pair.trim() === "") continue;
    const [, name, count] = /^\s*([A-Za-z0-9][\w.-]*)\s*=\s*(\S+)\s*$/.exec(pair) ?? [];
    if (name === undefined || count === undefined) {
      context.addIssue({ code: "custom", message: `expected NAME=COUNT such as gpu=2, found ${JSON.stringify(pair)}` });
    } else if (Object.hasOwn(counts, name)) {
      context.addIssue({ code: "custom", message: `${JSON.stringify(name)} is there twice` });
    } else {
      counts[name] = Number(count);
    }
  }
  return counts;
}

/** `model-repository,logging:x-admin=secret` */
function restrictionsFromText(text: string, context: z.RefinementCtx): Restrictions {
  const restrictions = parseRestrictions(text);
  if (typeof restrictions !== "string") return restrictions;
  context.addIssue({ code: "custom", message: restrictions });
  return z.NEVER;
}

function patternFromText(text: string, context: z.RefinementCtx): RegExp {
  try {
    return new RegExp(`^(?:${text})$`, "i");
  } catch (error) {
    context.addIssue({ code: "custom", message: `expected a regular expression: ${(error as Error).message}` });
    return z.NEVER;
  }
}

function checkCounts(counts: Record<string, number>, context: z.RefinementCtx): void {
  for (const [name, count] of Object.entries(counts)) {
    if (Number.isSafeInteger(count) && count > 0) continue;
    context.addIssue({ code: "custom", message: `the count of ${JSON.stringify(name)} must be a whole number from 1` });
  }
}

function rateLimitFromText(text: string, context: z.RefinementCtx): RateLimit {
  const limit = parseRateLimit(text);
  if (limit !== undefined) return limit;
  context.addIssue({ code: "custom", message: `expected ${RATE_LIMIT_RULE}, found ${JSON.stringify(text)}` });
  return z.NEVER;
}

const schema = z.strictObject(SETTINGS);
export type Settings = z.infer<typeof schema>;
export const DEFAULT_STATE_DIRECTORY = join(homedir(), ".nitrous");

/** The folder for the state, whether or not another server has it open. */
export function stateDirectoryOf(settings: Pick<Settings, "state-dir">): string {
  return settings["state-dir"] ?? DEFAULT_STATE_DIRECTORY;
}

/** Where what can be made again is kept. */
export function cacheDirectoryOf(settings: Settings): string {
  return settings["cache-dir"] ?? stateDirectoryOf(settings);
}

export type SettingName = keyof typeof SETTINGS;

/** Wrong settings, with one line for each. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

export interface SettingsSources {
  /** Only flags that were given. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Path of nitrous.yaml. */
  readonly file?: string;
  /** What a flag is called in messages; `--name` when absent. */
  readonly writtenAs?: (name: string) => string;
}

/**
 * Settings from file, environment and flags, each stronger than the one before.
 * @throws SettingsError naming each wrong value, where it came from and what was expected
 */
export async function readSettings({ flags, environment, file, writtenAs = (name) => `--${name}` }: SettingsSources): Promise<Settings> {
  const fromFile = file === undefined ? {} : await readSettingsFile(file);
  const fromEnvironment: Record<string, unknown> = {};
  for (const name of Object.keys(SETTINGS)) {
    const value = environment[environmentVariable(name)];
    if (value !== undefined && value !== "") fromEnvironment[name] = value;
  }
  const merged = { ...fromFile, ...fromEnvironment, ...flags };
  const parsed = schema.safeParse(merged);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => {
    if (issue.code === "unrecognized_keys")
      return `unknown setting ${issue.keys.join(", ")}; there are ${Object.keys(SETTINGS).join(", ")}`;
    const name = String(issue.path[0]);
    const origin = name in flags ? writtenAs(name) : name in fromEnvironment ? environmentVariable(name) : `${name} in ${file}`;
    // Of a text that is no number Zod only knows what became of it.
    return `${origin}: ${issue.message.replace(/received NaN$/, `found ${JSON.stringify(merged[name])}`)}`;
  });
  throw new SettingsError(lines.join("\n"));
}

export function environmentVariable(name: string): string {
  return `NITROUS_${name.replaceAll("-", "_").toUpperCase()}`;
}

async function readSettingsFile(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new SettingsError(`cannot read the settings file ${file}: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (error) {
    throw new SettingsError(`${file} is not valid YAML: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SettingsError(`${file} must be a map of settings`);
  return value as Record<string, unknown>;
}
