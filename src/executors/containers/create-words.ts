import { ServeError } from "../../core/errors.ts";
import type { EngineKind } from "./found-engine.ts";

/** Everything that a container is made of: what its spec says, and what the server chose for it. Bytes, processors. */
export interface ContainerPlan {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** In the place of the engine's own. */
  readonly runtime: string | undefined;
  readonly image: string;
  readonly command: readonly string[];
  readonly arguments: readonly string[];
  readonly workingDirectory: string | undefined;
  /** Names and values; those of `secrets` come from the environment of the engine's program, and are in no list of processes. */
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: ReadonlySet<string>;
  readonly network: "private" | "host";
  /** Those that the engine publishes on 127.0.0.1, each at a port that it chooses. */
  readonly publish: readonly number[];
  readonly binds: ReadonlyArray<{ readonly source: string; readonly target: string; readonly readOnly: boolean }>;
  /** File systems in memory. */
  readonly memoryMounts: ReadonlyArray<{ readonly target: string; readonly size: number | undefined }>;
  readonly memoryLimit: number | undefined;
  readonly processorLimit: number | undefined;
  /** Processes and threads at once. */
  readonly processLimit: number;
  readonly user: number | undefined;
  readonly group: number | undefined;
  /** Words of their own, such as --device. */
  readonly devices: readonly string[];
  /** Hard limits of this machine that are below what the engine would ask for. */
  readonly ulimits: Readonly<Record<string, number>>;
  /** Of this machine: without it a container may not read folders that were not labelled for it. */
  readonly labelling: boolean;
}

const LEAST_OPEN_PORT = 1024;

/** The words of `podman create` or `docker create`, which print the container's id. @throws ServeError INVALID_ARGUMENT for a path that cannot be said */
export function createWords(engine: EngineKind, plan: ContainerPlan): string[] {
  const [entrypoint, ...rest] = plan.command;
  const lowPort = plan.network === "private" && plan.publish.some((port) => port < LEAST_OPEN_PORT);
  return [
    ...(plan.runtime === undefined ? [] : [`--runtime=${plan.runtime}`]),
    "create",
    `--name=${plan.name}`,
    ...Object.entries(plan.labels).map(([name, value]) => `--label=${name}=${value}`),
    // The image has been seen to.
    "--pull=never",
    // The server follows the output itself, and the engine's copy of it would grow without end.
    "--log-driver=none",
    // A stop says how long it waits; what removes a container by force is not to wait.
    "--stop-timeout=0",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    ...(plan.labelling ? ["--security-opt=label=disable"] : []),
    // Podman would give the proxies of the server's own environment.
    ...(engine === "podman" ? ["--http-proxy=false"] : []),
    `--pids-limit=${plan.processLimit}`,
    // With as much memory and swap as memory there is no swap.
    ...(plan.memoryLimit === undefined ? [] : [`--memory=${plan.memoryLimit}b`, `--memory-swap=${plan.memoryLimit}b`]),
    ...(plan.processorLimit === undefined ? [] : [`--cpus=${plan.processorLimit}`]),
    ...Object.entries(plan.ulimits).map(([name, value]) => `--ulimit=${name}=${value}:${value}`),
    ...userWords(plan),
    ...(plan.workingDirectory === undefined ? [] : [`--workdir=${plan.workingDirectory}`]),
    ...(plan.network === "host" ? ["--network=host"] : plan.publish.map((port) => `--publish=127.0.0.1::${port}/tcp`)),
    // Without capabilities not even root could listen there.
    ...(lowPort ? ["--sysctl=net.ipv4.ip_unprivileged_port_start=0"] : []),
    ...plan.binds.flatMap(bindWords),
    ...plan.memoryMounts.map(memoryMountWord),
    ...plan.devices,
    ...Object.entries(plan.environment).map(([name, value]) => (plan.secrets.has(name) ? `--env=${name}` : `--env=${name}=${value}`)),
    ...(entrypoint === undefined ? [] : [`--entrypoint=${entrypoint}`]),
    plan.image,
    ...rest,
    ...plan.arguments,
  ];
}

function userWords({ user, group }: ContainerPlan): string[] {
  if (user !== undefined) return [`--user=${user}${group === undefined ? "" : `:${group}`}`];
  // There is no word for the group alone of a user whom the image names.
  return group === undefined ? [] : [`--group-add=${group}`];
}

function bindWords({ source, target, readOnly }: ContainerPlan["binds"][number]): string[] {
  if (!`${source}${target}`.includes(",")) return [`--mount=type=bind,source=${source},target=${target}${readOnly ? ",readonly" : ""}`];
  if (!`${source}${target}`.includes(":")) return [`--volume=${source}:${target}:${readOnly ? "ro" : "rw"}`];
  throw new ServeError(
    "INVALID_ARGUMENT",
    `the paths ${source} and ${target} cannot be mounted in a container: they have commas and colons`,
  );
}

function memoryMountWord({ target, size }: ContainerPlan["memoryMounts"][number]): string {
  if (/[:,]/.test(target))
    throw new ServeError("INVALID_ARGUMENT", `the path ${target} cannot be mounted in a container: it has a comma or a colon`);
  // Others than root may write there, as in Kubernetes.
  return `--tmpfs=${target}:rw,exec,nosuid,nodev,mode=1777${size === undefined ? "" : `,size=${size}`}`;
}
