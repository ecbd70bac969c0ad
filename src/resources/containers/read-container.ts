import { posix } from "node:path";
import type { ContainerPort, ContainerSpec, Mount } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import type { UpstreamEndpoint } from "../../core/upstream.ts";
import { flagIn, listIn, mapIn, numberIn, textIn } from "../json-fields.ts";
import type { ServerAnnotations } from "../server-annotations.ts";
import { readResources } from "./container-resources.ts";
import { readEnvironment } from "./environment.ts";
import { readMounts } from "./mounts.ts";
import { connectionProbe, readProbe } from "./probes.ts";
import type { ServerPod } from "./server-pod.ts";
import { HTTP_PORT, type ServerPorts } from "./server-ports.ts";

/** Where KServe puts a model. */
const MODEL_MOUNT = "/mnt/models";
const GRACE_SECONDS = 30;

/** Where things of a container are on this machine. */
export interface ContainerPlaces {
  /** Of the model, when it has files of its own. */
  readonly artefact: { readonly path: string; readonly isFolder: boolean } | undefined;
  /** Folders that stand for persistent volume claims, by the claims' names. */
  readonly claims: ReadonlyMap<string, string>;
  /** What the server is told to do with runtimes that could run as both. */
  readonly runAs: "auto" | "process" | "container";
}

export interface ServerUse {
  readonly endpoints: readonly UpstreamEndpoint[];
  readonly ports: ServerPorts;
  readonly metrics: { readonly port: number; readonly path: string } | undefined;
}

/** @throws ServeError FAILED_PRECONDITION for what there is not on one machine */
export function readContainer(pod: ServerPod, use: ServerUse, annotations: ServerAnnotations, places: ContainerPlaces): ContainerSpec {
  const { container, predictor, metadata } = pod;
  const environment = readEnvironment(container, metadata);
  const first = use.endpoints[0]?.port ?? HTTP_PORT;
  const ports = { first, named: portNames(use.ports.declared) };
  const startupProbe = readProbe(container, "startupProbe", ports);
  const readinessProbe = readProbe(container, "readinessProbe", ports);
  const livenessProbe = readProbe(container, "livenessProbe", ports);
  const probes = [startupProbe, readinessProbe, livenessProbe].flatMap((each) =>
    each === undefined || each.action.kind === "exec" ? [] : each.action.port,
  );
  const used = [...use.endpoints.map(({ port }) => port), ...(use.metrics === undefined ? [] : [use.metrics.port]), ...probes];
  const security = { ...mapIn(predictor, "securityContext"), ...mapIn(container, "securityContext") };
  const words = (key: string): string[] => listIn(container, key).map((text) => environment.expand(String(text)));
  return {
    ...programOf(pod.title, imageOf(pod), words("command"), words("args"), annotations.runAs ?? places.runAs),
    ...(annotations.program === undefined ? {} : { program: annotations.program }),
    ...(annotations.requirements === undefined ? {} : { requirements: annotations.requirements }),
    imagePullPolicy: pullPolicyOf(pod),
    workingDirectory: textIn(container, "workingDir"),
    environment: environment.variables,
    ports: withUsed(use.ports.declared, used),
    mounts: mountsOf(pod, places),
    resources: readResources(container),
    startupProbe,
    readinessProbe: readinessProbe ?? connectionProbe(first),
    livenessProbe,
    terminationGraceMs: (numberIn(predictor, "terminationGracePeriodSeconds") ?? GRACE_SECONDS) * 1000,
    network: annotations.network ?? (flagIn(predictor, "hostNetwork") ? "host" : "private"),
    user: numberIn(security, "runAsUser"),
    group: numberIn(security, "runAsGroup"),
  };
}

/** An image without a command runs as a container, a command as a process, unless somebody says otherwise. */
function programOf(
  title: string,
  image: string | undefined,
  command: readonly string[],
  args: readonly string[],
  runAs: "auto" | "process" | "container",
): Pick<ContainerSpec, "image" | "command" | "arguments"> {
  if (image !== undefined && (runAs === "container" || (runAs === "auto" && command.length === 0))) {
    return { image, command, arguments: args };
  }
  if (runAs === "container") throw new ServeError("FAILED_PRECONDITION", `${title} is to run as a container and names no image; add image`);
  if (command.length > 0) return { image: undefined, command, arguments: args };
  // What an image's own entry point would start.
  const [program, ...others] = args;
  if (program !== undefined && !program.startsWith("-")) return { image: undefined, command: [program], arguments: others };
  const hint = image === undefined ? "add command, or image" : "add command, or let it run as a container (nitrous/run-as: container)";
  throw new ServeError("FAILED_PRECONDITION", `${title} is to run as a process and names no command; ${hint}`);
}

function imageOf({ container }: ServerPod): string | undefined {
  const image = textIn(container, "image");
  return image === "" ? undefined : image;
}

/** Kubernetes' own: an image without a tag, or with the tag latest, may be another one each time. */
function pullPolicyOf(pod: ServerPod): ContainerSpec["imagePullPolicy"] {
  const policy = textIn(pod.container, "imagePullPolicy");
  if (policy === "Always" || policy === "IfNotPresent" || policy === "Never") return policy;
  const image = imageOf(pod) ?? "";
  if (image.includes("@")) return "IfNotPresent";
  const tag = /:([\w.-]*)$/.exec(image)?.[1] ?? "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

function portNames(ports: readonly ContainerPort[]): ReadonlyMap<string, number> {
  return new Map(ports.flatMap(({ name, number }) => (name === undefined ? [] : [[name, number] as const])));
}

/** Ports that something is asked at and nobody has declared belong to the container too. */
function withUsed(declared: readonly ContainerPort[], used: readonly number[]): ContainerPort[] {
  const missing = [...new Set(used)].filter((port) => !declared.some(({ number }) => number === port));
  return [...declared, ...missing.map((number) => ({ name: undefined, number }))];
}

function mountsOf({ container, volumes, metadata: { namespace } }: ServerPod, { artefact, claims }: ContainerPlaces): Mount[] {
  const mounts = readMounts(container, volumes, { namespace, claims });
  if (artefact === undefined) return mounts;
  if (mounts.some(({ path }) => path === MODEL_MOUNT))
    throw new ServeError(
      "FAILED_PRECONDITION",
      `a volume is mounted at ${MODEL_MOUNT}, where the model of storageUri is; mount it elsewhere`,
    );
  const path = artefact.isFolder ? MODEL_MOUNT : posix.join(MODEL_MOUNT, posix.basename(artefact.path));
  return [{ path, readOnly: true, source: { kind: "folder", path: artefact.path } }, ...mounts];
}
