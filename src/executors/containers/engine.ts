import { messageOf, ServeError } from "../../core/errors.ts";
import { explainEngineError } from "./engine-errors.ts";
import { ENGINE_KINDS, type EngineChoice, type EngineCommand, type EngineKind, type FoundEngine } from "./found-engine.ts";
import { otherRuntime } from "./oci-runtime.ts";
import { runEngine } from "./run-engine.ts";

const QUESTIONS: Readonly<Record<EngineKind, string>> = {
  podman: "{{.Version.Version}}|{{.Host.Security.Rootless}}|{{.Host.CgroupsVersion}}|{{.Host.OCIRuntime.Name}}",
  docker: "{{.ServerVersion}}|{{json .SecurityOptions}}|{{.CgroupVersion}}|{{.DefaultRuntime}}",
};
/** A daemon that hangs is one that does not work. */
const ANSWER_MS = 20_000;

/** The engines whose programs are on the PATH, with what is wrong with them. */
export async function findEngines(environment: NodeJS.ProcessEnv): Promise<FoundEngine[]> {
  const found = await Promise.all(ENGINE_KINDS.map((kind) => askEngine(kind, environment)));
  return found.filter((engine) => engine !== undefined);
}

/** Undefined when there is no such program. */
async function askEngine(kind: EngineKind, environment: NodeJS.ProcessEnv): Promise<FoundEngine | undefined> {
  const command: EngineCommand = { kind, environment };
  const unusable = { ...command, version: undefined, rootless: false, cgroups: undefined, runtime: undefined };
  try {
    const { code, output, errors } = await runEngine(command, ["info", "--format", QUESTIONS[kind]], { timeoutMs: ANSWER_MS });
    const [version = "", rootless = "", cgroups = "", runtime = ""] = output.trim().split("|");
    // Docker's program answers without its daemon, and leaves out what only that knows.
    if (code !== 0 || version === "") return { ...unusable, problem: explainEngineError(kind, errors) };
    const isRootless = rootless === "true" || rootless.includes("name=rootless");
    return {
      ...command,
      version,
      rootless: isRootless,
      cgroups: Number(/\d/.exec(cgroups)?.[0]) || undefined,
      runtime: await otherRuntime(kind, runtime, environment),
      problem: undefined,
    };
  } catch (error) {
    if (error instanceof ServeError && error.code === "NOT_FOUND") return undefined;
    return { ...unusable, problem: messageOf(error) };
  }
}

/**
 * The engine that runs containers.
 * @throws ServeError FAILED_PRECONDITION when there is none that works, with what is wrong and what to do
 */
export function chooseEngine(found: readonly FoundEngine[], choice: EngineChoice): FoundEngine {
  if (choice === "off") {
    throw new ServeError(
      "FAILED_PRECONDITION",
      "containers are off on this server: start it with --container-engine auto, podman or docker",
    );
  }
  const wanted = found.filter(({ kind }) => choice === "auto" || kind === choice);
  const working = wanted.find(({ problem }) => problem === undefined);
  if (working !== undefined) return working;
  const [first] = wanted;
  if (first === undefined) {
    const name = choice === "auto" ? "neither podman nor docker" : `no ${choice}`;
    throw new ServeError(
      "FAILED_PRECONDITION",
      `there is ${name} on the PATH of the server to run a container with: install podman, or give the container a command and run it as a process (annotation nitrous/run-as: process)`,
    );
  }
  throw new ServeError("FAILED_PRECONDITION", wanted.map(({ kind, problem }) => `${kind} does not work: ${problem}`).join("; "));
}
