import { ServeError } from "../../core/errors.ts";
import { explainEngineError } from "./engine-errors.ts";
import { ENDED_FORMAT, type EndedState, parseEnded } from "./exit-reason.ts";
import type { FoundEngine } from "./found-engine.ts";
import { runEngine } from "./run-engine.ts";

/** What an engine says of a container that runs. */
export interface RunningState {
  /** As the engine knows it. */
  readonly pid: number;
  /** A name, a number or nothing. */
  readonly stopSignal: string;
  /** Published ports: those of the container and those on 127.0.0.1. */
  readonly ports: ReadonlyMap<number, number>;
}

const RUNNING_FORMAT = "{{.State.Status}}|{{.State.Pid}}|{{.Config.StopSignal}}|{{json .NetworkSettings.Ports}}";
const COMMAND_MS = 60_000;

/** Undefined for one that does not run. @throws ServeError UNAVAILABLE when the engine does not tell */
export async function inspectRunning(engine: FoundEngine, name: string): Promise<RunningState | undefined> {
  return parseRunning(await inspect(engine, name, RUNNING_FORMAT));
}

/** Reads what RUNNING_FORMAT prints. */
export function parseRunning(output: string): RunningState | undefined {
  const [status, pid = "", stopSignal = "", ...rest] = output.trim().split("|");
  if (status !== "running" || Number(pid) <= 0) return undefined;
  const published = (JSON.parse(rest.join("|")) ?? {}) as Record<string, ReadonlyArray<{ HostPort: string }> | null>;
  const ports = Object.entries(published).flatMap(([port, at]): Array<[number, number]> => {
    const host = at?.[0]?.HostPort;
    return host === undefined ? [] : [[Number.parseInt(port, 10), Number(host)]];
  });
  return { pid: Number(pid), stopSignal, ports: new Map(ports) };
}

/** Undefined when the engine does not know it any more. */
export async function inspectEnded(engine: FoundEngine, name: string): Promise<EndedState | undefined> {
  return parseEnded(await inspect(engine, name, ENDED_FORMAT).catch(() => ""));
}

/** The folder of this machine that holds what a container has written; undefined where its engine has none or does not tell. */
export async function writtenFolder(engine: FoundEngine, name: string): Promise<string | undefined> {
  const folder = (await inspect(engine, name, "{{.GraphDriver.Data.UpperDir}}").catch(() => "")).trim();
  return folder.startsWith("/") ? folder : undefined;
}

/** Bytes that a container has written to its own file system, counted by the engine, which takes its time. */
export async function writtenBytes(engine: FoundEngine, name: string): Promise<number> {
  const { output } = await runEngine(engine, ["container", "inspect", "--size", "--format", "{{.SizeRw}}", name], {
    timeoutMs: COMMAND_MS,
  });
  return Number(/^\d+/.exec(output.trim())?.[0] ?? 0);
}

async function inspect(engine: FoundEngine, name: string, format: string): Promise<string> {
  const { code, output, errors } = await runEngine(engine, ["container", "inspect", "--format", format, name], { timeoutMs: COMMAND_MS });
  if (code !== 0)
    throw new ServeError("UNAVAILABLE", `${engine.kind} does not tell about ${name}: ${explainEngineError(engine.kind, errors)}`);
  return output;
}
