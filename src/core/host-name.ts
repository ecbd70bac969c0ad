import { DEFAULT_NAMESPACE, type ModelSpec } from "./model.ts";

/** The name of a host that a model has for itself: the same for each of its processes. */
export function hostName({ namespace, name, version }: Pick<ModelSpec, "namespace" | "name" | "version">): string {
  return `${prefix(namespace, name)}${version}`;
}

/** Whether a host is one that the model has, or had, for itself. */
export function isHostOf(namespace: string, name: string): (host: string) => boolean {
  const own = prefix(namespace, name);
  // A namespace may be called like a model of the default one.
  return (host) => host.startsWith(own) && !host.includes("/", own.length);
}

function prefix(namespace: string, name: string): string {
  return namespace === DEFAULT_NAMESPACE ? `${name}/` : `${namespace}/${name}/`;
}
