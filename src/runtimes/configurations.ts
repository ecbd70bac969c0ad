import { closestNames } from "../core/closest.ts";
import { ServeError } from "../core/errors.ts";
import type { RuntimeConfiguration, WrittenConfiguration } from "../core/runtime-configuration.ts";

const CPU: RuntimeConfiguration = { name: "cpu", devices: "none", runAs: "auto", engine: "auto", environment: {}, images: {} };

/** NOS's four, by what they mean on one machine (its `InferenceServiceRuntime.configs`). */
const BUILT_IN: readonly RuntimeConfiguration[] = [
  CPU,
  { ...CPU, name: "gpu", devices: "nvidia" },
  // Engines take minutes to build; ONNX Runtime keeps them when it is told to.
  { ...CPU, name: "trt", devices: "nvidia", environment: { ORT_TENSORRT_ENGINE_CACHE_ENABLE: "1" } },
  { ...CPU, name: "inf2", devices: "neuron", environment: { NEURON_RT_NUM_CORES: "2" } },
];

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The built-in configurations and a user's own, which may replace a built-in one, by name.
 * @throws ServeError INVALID_ARGUMENT for a name that is none, one that is extended and not there, or a circle of them
 */
export function runtimeConfigurations(own: Readonly<Record<string, WrittenConfiguration>>): readonly RuntimeConfiguration[] {
  for (const name of Object.keys(own)) {
    if (!NAME.test(name) || name === "auto")
      throw new ServeError(
        "INVALID_ARGUMENT",
        `the runtime configuration ${JSON.stringify(name)}: expected small letters, digits and '-', and not auto`,
      );
  }
  const names = [...new Set([...BUILT_IN.map(({ name }) => name), ...Object.keys(own)])];
  return names.map((name) => resolved(name, own, []));
}

function resolved(name: string, own: Readonly<Record<string, WrittenConfiguration>>, from: readonly string[]): RuntimeConfiguration {
  const builtIn = BUILT_IN.find((each) => each.name === name);
  // One that extends the built-in one of its own name means that.
  const written = from.at(-1) === name && builtIn !== undefined ? undefined : Object.hasOwn(own, name) ? own[name] : undefined;
  if (written === undefined) {
    if (builtIn !== undefined) return builtIn;
    throw new ServeError(
      "INVALID_ARGUMENT",
      `the runtime configuration ${from.at(-1)} extends ${name}, which is not there${hint(name, own)}`,
    );
  }
  if (from.includes(name))
    throw new ServeError("INVALID_ARGUMENT", `the runtime configurations extend each other in a circle: ${[...from, name].join(", ")}`);
  const base = written.extends === undefined ? CPU : resolved(written.extends, own, [...from, name]);
  return {
    name,
    devices: written.devices ?? base.devices,
    runAs: written["run-as"] ?? base.runAs,
    engine: written.engine ?? base.engine,
    environment: { ...base.environment, ...written.env },
    images: { ...base.images, ...written.images },
  };
}

function hint(name: string, own: Readonly<Record<string, WrittenConfiguration>>): string {
  const [closest] = closestNames(name, [...BUILT_IN.map((each) => each.name), ...Object.keys(own)]);
  return closest === undefined ? "" : `; did you mean ${closest}?`;
}
