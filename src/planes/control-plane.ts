import type { Rejection } from "../core/model.ts";
import type { ControlPlane } from "../core/planes.ts";
import type { Registry } from "../models/index.ts";

/** The door for questions about models. `tried` says whether every model has had its first attempt. */
export function createControlPlane(registry: Registry, rejections: () => readonly Rejection[], tried: () => boolean): ControlPlane {
  return {
    list: () => registry.statuses(),
    get(target) {
      const latest = registry.find({ namespace: target.namespace, name: target.name });
      const found = registry.find(target);
      return found.status(found === latest);
    },
    versions(target) {
      const latest = registry.find({ namespace: target.namespace, name: target.name });
      return registry.versions(target).map((version) => version.status(version === latest));
    },
    rejections,
    ready() {
      return tried() && registry.statuses().some(({ state }) => state === "ready");
    },
  };
}
