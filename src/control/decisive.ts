import type { ResourceView } from "../core/planes.ts";
import { ANNOTATIONS, decisiveAnnotations, type RuntimeChoice, templateOf } from "../resources/index.ts";

/** The annotation says that nothing is to run. */
export function isStopped({ metadata }: ResourceView): boolean {
  return metadata.annotations?.[ANNOTATIONS.stop] === "true";
}

/** The same for two specs that want the same models to run, however the requests are split among them. */
export function templateText(spec: ResourceView["spec"], annotations: Readonly<Record<string, string>>): string {
  return textOf([templateOf(spec), decisiveAnnotations(annotations)]);
}

/** The same when the same runtime serves them too. @param server what {@link serverText} says of a server of their own */
export function keyOf(template: string, { runtime, failure }: RuntimeChoice, server: string | undefined): string {
  const { name, namespace, host, scheduling } = runtime ?? {};
  return textOf([template, name, namespace, host, scheduling, failure?.message, server]);
}

export function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? `${each}n` : each));
}
