import type { ResourceView } from "../core/planes.ts";
import { ANNOTATIONS, type RuntimeChoice, SCHEDULING_ANNOTATIONS } from "../resources/index.ts";

/** What of a resource decides which models run; other annotations may change without any effect on them. */
const DECISIVE = [
  ANNOTATIONS.frameworkVersion,
  ANNOTATIONS.trust,
  ANNOTATIONS.sha256,
  ANNOTATIONS.baseDirectory,
  ANNOTATIONS.watch,
  ...SCHEDULING_ANNOTATIONS,
];

/** The annotation says that nothing is to run. */
export function isStopped({ metadata }: ResourceView): boolean {
  return metadata.annotations?.[ANNOTATIONS.stop] === "true";
}

/** The same for two resources that want the same models to run. */
export function signatureOf({ metadata, spec }: ResourceView, { runtime, failure }: RuntimeChoice): string {
  const annotations = DECISIVE.map((name) => metadata.annotations?.[name]);
  const text = (value: unknown): string => JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? `${each}n` : each));
  const { name, namespace, host, scheduling } = runtime ?? {};
  // The generation too: a spec that was changed and changed back before anybody looked is served as the newest.
  return text([metadata.generation, spec, annotations, name, namespace, host, scheduling, failure?.message]);
}
