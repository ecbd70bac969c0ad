import { type Device, deviceTitle } from "../../core/device.ts";
import { ServeError } from "../../core/errors.ts";
import { FORMATS } from "../../core/formats.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { Need } from "./need.ts";

/** What decides what a model gets of devices. */
export interface DeviceWants {
  readonly devices: readonly Device[];
  /** Why there are none, or not all. */
  readonly problem?: string | undefined;
  /** The machine has some that nobody is to use. */
  readonly hidden?: boolean;
  /** Its host would see a device: those of models that nobody trusts see none. */
  readonly sees: (spec: ModelSpec) => boolean;
}

const CUDA_PROVIDER = /cuda|tensorrt/i;

/**
 * What a model needs of devices; empty when it runs on the processor.
 * @param bytesOn what it will use of each, of so many
 * @throws ServeError FAILED_PRECONDITION when it asks for what the machine has not, or for what its host would not see
 */
export function deviceNeed(
  spec: ModelSpec,
  { devices, problem, sees }: DeviceWants,
  bytesOn: (count: number) => number,
): Pick<Need, "device" | "deviceOptional"> {
  const { device: wish } = spec;
  if (wish?.kind === "cpu") return {};
  if (wish === undefined) {
    if (devices.length === 0 || !takesDevice(spec) || !sees(spec)) return {};
    return { device: { count: 1, bytes: bytesOn(1) }, deviceOptional: true };
  }
  const count = wish.kind === "count" ? wish.count : 1;
  const has = wish.kind === "count" ? devices.length >= count : devices.some(({ index }) => index === wish.index);
  if (!has) {
    const there = devices.length === 0 ? `no GPU (${problem ?? "none was found"})` : devices.map(deviceTitle).join(", ");
    throw new ServeError(
      "FAILED_PRECONDITION",
      `it asks for ${wish.asked}, and this machine has ${there}; ask for less, or have it run without a GPU with nitrous/device: "cpu"`,
    );
  }
  if (!sees(spec))
    throw new ServeError(
      "FAILED_PRECONDITION",
      `it asks for ${wish.asked}, and the hosts of models that nobody trusts see no GPU; trust it with nitrous/trust, or write nitrous/device: "cpu"`,
    );
  return { device: { count, bytes: bytesOn(count), ...(wish.kind === "index" ? { only: [wish.index] } : {}) } };
}

/** Its framework uses a GPU by itself when it sees one, or its settings name one. */
function takesDevice({ format, settings = {}, upstream }: ModelSpec): boolean {
  if (upstream !== undefined) return upstream.takesDevice === true;
  const named = settings.device;
  if (typeof named === "string" && named.toLowerCase() === "cpu") return false;
  const { execution_providers: providers } = settings;
  return "takesDevice" in FORMATS[format] || (typeof providers === "string" && CUDA_PROVIDER.test(providers));
}
