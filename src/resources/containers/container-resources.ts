import type { ContainerResources } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import type { JsonObject, JsonValue } from "../../core/inference.ts";
import { isMap, mapIn } from "../json-fields.ts";
import { amountOf } from "./quantity.ts";

/**
 * `resources` of a container. A request that is not given is as much as the limit, as in Kubernetes.
 * @throws ServeError FAILED_PRECONDITION for parts of a device
 */
export function readResources(container: JsonObject): ContainerResources {
  const limits = mapIn(mapIn(container, "resources"), "limits") ?? {};
  const requests = mapIn(mapIn(container, "resources"), "requests") ?? {};
  return {
    memoryRequest: bytesOf(requests.memory) ?? bytesOf(limits.memory),
    memoryLimit: bytesOf(limits.memory),
    processorLimit: positive(amountOf(limits.cpu)),
    diskLimit: bytesOf(limits["ephemeral-storage"]),
    devices: devicesOf({ ...requests, ...limits }),
  };
}

/** A map of quantities as bytes and processors, for references to fields of `resources`. */
export function quantityIn(container: JsonObject, field: string): number | undefined {
  const [place = "", ...name] = field.split(".");
  const map = mapIn(mapIn(container, "resources"), place);
  return isMap(map) ? amountOf(map[name.join(".")]) : undefined;
}

/** Extended resources have the name of their maker before a slash. */
function devicesOf(resources: JsonObject): Record<string, number> {
  const devices: Record<string, number> = {};
  for (const [name, quantity] of Object.entries(resources)) {
    if (!name.includes("/")) continue;
    const count = amountOf(quantity) ?? 0;
    if (!Number.isInteger(count))
      throw new ServeError("FAILED_PRECONDITION", `expected a whole number of ${name}, found ${JSON.stringify(String(quantity))}`);
    if (count > 0) devices[name] = count;
  }
  return devices;
}

function bytesOf(quantity: JsonValue | undefined): number | undefined {
  const bytes = positive(amountOf(quantity));
  return bytes === undefined ? undefined : Math.ceil(bytes);
}

/** A limit of nothing is none. */
function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}
