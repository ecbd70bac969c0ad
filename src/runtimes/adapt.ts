import type { ContainerSpec } from "../core/container.ts";
import type { RuntimeConfiguration } from "../core/runtime-configuration.ts";
import type { UpstreamSpec } from "../core/upstream.ts";
import { nameOf } from "./environment.ts";
import { MODEL_PATH, modelPlace, movedModel } from "./model-mount.ts";
import { programOf } from "./program-of.ts";
import type { ServerProgram } from "./server-program.ts";
import { tritonLayout } from "./triton/repository.ts";
import { vllmArguments } from "./vllm/arguments.ts";

const LOOPBACK = /\b127\.0\.0\.1\b/g;
/** What a server on this machine is told so that it never asks the Hub for what it has. */
const OFFLINE = { name: "HF_HUB_OFFLINE", value: "1" };

/**
 * What a planned server needs besides: KServe's arguments in the server's own words, its model's files where it looks for them, the
 * name that it gives the model, and what the machine's runtime configuration says. Servers that are not known, and those elsewhere,
 * only get the last.
 * @throws ServeError INVALID_ARGUMENT, FAILED_PRECONDITION naming what does not fit
 */
export async function adaptUpstream(upstream: UpstreamSpec, configuration?: RuntimeConfiguration): Promise<UpstreamSpec> {
  if (upstream.place.kind !== "container") return upstream;
  const configured = configuration === undefined ? upstream : withConfiguration(upstream, upstream.place.container, configuration);
  const { place } = configured;
  const program = place.kind === "container" ? programOf(place.container) : undefined;
  if (program === undefined || place.kind !== "container") return configured;
  const adapted = await adaptedTo(program, configured, reachable(place.container));
  return { ...adapted, ...(program.takesDevice ? { takesDevice: true } : {}), protocols: protocolsOf(program, adapted) };
}

async function adaptedTo(program: ServerProgram, upstream: UpstreamSpec, container: ContainerSpec): Promise<UpstreamSpec> {
  if (program.name === "vllm") {
    const { arguments: words, servedName, isRemote } = vllmArguments(container.arguments);
    return withContainer(
      { ...upstream, modelName: servedName ?? upstream.modelName },
      offline({ ...container, arguments: words }, isRemote),
    );
  }
  if (program.name === "tgi" || program.name === "tei") {
    const remote = container.arguments.some((word) => /^--model-id=[^/]/.test(word));
    return withContainer(upstream, offline(container, remote));
  }
  const place = await modelPlace(container);
  if (place === undefined) return withContainer(upstream, container);
  if (program.name === "triton" && !upstream.shared) {
    const { path, modelName } = await tritonLayout(place, upstream.modelName);
    return withContainer({ ...upstream, modelName }, movedModel(container, path));
  }
  // TensorFlow Serving looks for numbered versions; a SavedModel without a number is the first.
  const isSavedModel = program.name === "tensorflow-serving" && place.names?.includes("saved_model.pb") === true;
  return withContainer(upstream, isSavedModel ? movedModel(container, `${MODEL_PATH}/1`) : container);
}

/** Of a model on the Hub the server itself fetches the files, and needs the network for that. */
function offline(container: ContainerSpec, isRemote: boolean): ContainerSpec {
  const others = container.environment.filter((variable) => nameOf(variable) !== OFFLINE.name);
  if (isRemote) return { ...container, environment: others, network: "host" };
  return others.length === container.environment.length ? { ...container, environment: [OFFLINE, ...others] } : container;
}

/** Runtimes say loopback, where processes are reached; a container of an image is reached from outside. */
function reachable(container: ContainerSpec): ContainerSpec {
  if (container.image === undefined || container.network === "host") return container;
  const everywhere = (text: string): string => text.replaceAll(LOOPBACK, "0.0.0.0");
  return {
    ...container,
    arguments: container.arguments.map(everywhere),
    environment: container.environment.map((variable) =>
      "value" in variable ? { ...variable, value: everywhere(variable.value) } : variable,
    ),
  };
}

function protocolsOf({ protocol }: ServerProgram, { protocols }: UpstreamSpec): UpstreamSpec["protocols"] {
  const [first] = protocols;
  return protocol === undefined || first === undefined ? protocols : [{ protocol, port: first.port }];
}

function withConfiguration(upstream: UpstreamSpec, container: ContainerSpec, configuration: RuntimeConfiguration): UpstreamSpec {
  const { environment, images } = configuration;
  const own = new Set(container.environment.map(nameOf));
  const added = Object.entries(environment).flatMap(([name, value]) => (own.has(name) ? [] : [{ name, value }]));
  const image = Object.hasOwn(images, upstream.runtime) ? images[upstream.runtime] : undefined;
  return withContainer(upstream, {
    ...container,
    environment: [...added, ...container.environment],
    ...(image === undefined || container.image === undefined ? {} : { image }),
  });
}

function withContainer(upstream: UpstreamSpec, container: ContainerSpec): UpstreamSpec {
  return { ...upstream, place: { kind: "container", container } };
}
