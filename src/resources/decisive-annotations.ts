import { ANNOTATIONS } from "./annotations.ts";
import { SCHEDULING_ANNOTATIONS } from "./scheduling-annotations.ts";
import { SERVER_ANNOTATIONS } from "./server-annotations.ts";

type Annotations = Readonly<Record<string, string>>;

const DECISIVE: readonly string[] = [
  ANNOTATIONS.frameworkVersion,
  ANNOTATIONS.trust,
  ANNOTATIONS.sha256,
  ANNOTATIONS.baseDirectory,
  ANNOTATIONS.device,
  ANNOTATIONS.watch,
  ANNOTATIONS.responseCache,
  ...SCHEDULING_ANNOTATIONS,
  ...SERVER_ANNOTATIONS,
];
/** Knative has them in the template of its revisions too. */
const SCALING_PREFIX = "autoscaling.knative.dev/";

/** Whether it decides, besides the spec, which models run; other annotations may change without any effect on them. */
function isDecisive(name: string): boolean {
  return DECISIVE.includes(name) || name.startsWith(SCALING_PREFIX);
}

/** Those that decide which models run, in one order. */
export function decisiveAnnotations(annotations: Annotations = {}): Annotations {
  const own = Object.entries(annotations).filter(([name]) => isDecisive(name));
  return Object.fromEntries(own.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** `present` with those of an earlier revision that decide which models run, and no other such ones. */
export function withDecisive(present: Annotations = {}, earlier: Annotations): Annotations {
  const others = Object.entries(present).filter(([name]) => !isDecisive(name));
  return { ...Object.fromEntries(others), ...earlier };
}
