import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { ServeError } from "../../core/errors.ts";
import { type ContainerPlan, createWords } from "./create-words.ts";
import { explainEngineError } from "./engine-errors.ts";
import { exitReason } from "./exit-reason.ts";
import type { FoundEngine } from "./found-engine.ts";
import { ignoresStopSignal, isInitHere } from "./init-process.ts";
import { inspectEnded, inspectRunning, type RunningState } from "./inspect-container.ts";
import { removeContainer } from "./leftovers.ts";
import { runEngine } from "./run-engine.ts";

/** An image of gigabytes may have to be copied. */
const CREATE_MS = 300_000;
const OUT_OF_MEMORY = "oom";
/** Characters that are kept of what a command prints. */
const KEPT = 4096;
/** What the engine gets beyond the grace of the program. */
const ENGINE_GRACE_MS = 15_000;
const FIRST_LOOK_MS = 30;
const LONGEST_BETWEEN_LOOKS_MS = 500;

/** Where the lines of a container go. */
export interface FollowingLog {
  follow(stream: Readable): void;
  onLine(line: string): void;
}

/** A created container whose program runs, or will at once. */
export interface RunningContainer {
  /** The engine's program that follows the output. */
  readonly followerPid: number;
  /** Settles when the program runs; undefined when it has ended before anybody saw it. */
  readonly running: Promise<RunningState | undefined>;
  /** Settles with a sentence that says how it ended, when its output has been read. The container is still there. */
  readonly ended: Promise<string>;
  /** Asks to end, and ends by force after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Creates a container and starts its program, following what it prints; `folder` is the one that the server has for it.
 * @throws ServeError UNAVAILABLE when the engine cannot create it, with what to do; the signal's reason when aborted
 */
export async function createAndStart(
  engine: FoundEngine,
  plan: ContainerPlan,
  { folder, log }: { readonly folder: string; readonly log: FollowingLog },
  signal: AbortSignal,
): Promise<RunningContainer> {
  const variables = Object.fromEntries([...plan.secrets].map((name) => [name, plan.environment[name] ?? ""]));
  // Not ended halfway when nobody wants the container any more: that could leave something.
  const { code, errors } = await runEngine(engine, createWords(engine.kind, plan), { variables, timeoutMs: CREATE_MS });
  signal.throwIfAborted();
  if (code !== 0)
    throw new ServeError("UNAVAILABLE", `${engine.kind} could not create its container: ${explainEngineError(engine.kind, errors)}`);
  // Such as limits that the engine cannot set on this machine.
  for (const line of errors.split("\n").filter((text) => text.trim() !== "")) log.onLine(`${engine.kind}: ${line}`);
  const follower = spawn(engine.kind, ["start", "--attach", plan.name], {
    stdio: ["ignore", "pipe", "pipe"],
    env: engine.environment,
    // Where podman's monitor leaves a file with the name OUT_OF_MEMORY.
    cwd: folder,
    detached: true,
  });
  let said = "";
  follower.stderr.on("data", (piece: Buffer | string) => {
    said = (said + piece).slice(-KEPT);
  });
  for (const stream of [follower.stdout, follower.stderr] as Readable[]) log.follow(stream);
  const closed = new Promise<void>((resolve) => {
    follower.once("close", resolve);
    follower.once("error", (error) => {
      said += error.message;
      resolve();
    });
  });
  const running = untilRunning(engine, plan.name, follower);
  return {
    followerPid: follower.pid ?? 0,
    running,
    ended: closed.then(async () => {
      const state = await inspectEnded(engine, plan.name);
      if (state === undefined) return "was removed by somebody else, or its engine has ended";
      const { status } = state;
      if (status === "running") return `runs on, and its output ended: ${engine.kind} was stopped`;
      const why = state.error || explainEngineError(engine.kind, said);
      const outOfMemory = state.outOfMemory || existsSync(join(folder, OUT_OF_MEMORY));
      return exitReason({ ...state, outOfMemory, error: why }, plan.memoryLimit);
    }),
    stop: async (graceMs) => await stop(engine, plan.name, { follower, graceMs, state: await running }),
  };
}

async function untilRunning(engine: FoundEngine, name: string, follower: ChildProcess): Promise<RunningState | undefined> {
  for (let pause = FIRST_LOOK_MS; follower.exitCode === null && follower.signalCode === null; pause *= 2) {
    const state = await inspectRunning(engine, name).catch(() => undefined);
    if (state !== undefined) return state;
    await delay(Math.min(pause, LONGEST_BETWEEN_LOOKS_MS));
  }
  return undefined;
}

interface Stopping {
  readonly follower: ChildProcess;
  readonly graceMs: number;
  readonly state: RunningState | undefined;
}

async function stop(engine: FoundEngine, name: string, { follower, graceMs, state }: Stopping): Promise<void> {
  const isHere = state !== undefined && isInitHere(state.pid);
  // A program without a handler would not hear of it, and only be waited for.
  const isDeaf = isHere && ignoresStopSignal(state.pid, state.stopSignal);
  const seconds = isDeaf ? 0 : Math.ceil(graceMs / 1000);
  if (seconds > 0) {
    await runEngine(engine, ["stop", `--time=${seconds}`, name], { timeoutMs: seconds * 1000 + ENGINE_GRACE_MS }).catch(() => undefined);
  } else if (!isHere || !killInit(state.pid)) {
    // Podman does nothing else with a container while it stops it.
    await runEngine(engine, ["kill", "--signal=KILL", name], { timeoutMs: ENGINE_GRACE_MS }).catch(() => undefined);
  }
  if (follower.exitCode !== null || follower.signalCode !== null) return;
  // It ends with the container; when it does not, the engine is in trouble.
  const late = setTimeout(() => {
    void removeContainer(engine, name).catch(() => undefined);
    follower.kill("SIGKILL");
  }, ENGINE_GRACE_MS);
  follower.once("close", () => clearTimeout(late));
}

/** The kernel ends the others with the first. False where this process may not. */
function killInit(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

/** Runs a command in a container. @throws the signal's reason when aborted */
export async function execIn(
  engine: FoundEngine,
  name: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<{ code: number; output: string }> {
  const { code, output, errors } = await runEngine(engine, ["exec", name, ...command], { signal });
  return { code, output: `${output}${errors}`.slice(-KEPT) };
}
