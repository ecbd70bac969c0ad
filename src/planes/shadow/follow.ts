import type { Resources } from "../../core/planes.ts";
import { shadowOf } from "../../resources/index.ts";
import type { Shadows } from "./shadows.ts";

/** Keeps the shadows as the annotations of services say, until the signal. */
export async function followShadows(resources: Pick<Resources, "watch">, shadows: Shadows, signal: AbortSignal): Promise<void> {
  // A watch that fell behind has ended; the next one begins with what there is.
  while (!signal.aborted) {
    for await (const { type, object } of resources.watch("InferenceService", undefined, undefined, signal)) {
      const { namespace = "", name, uid, annotations = {} } = object.metadata;
      shadows.set({ namespace, name, uid }, type === "DELETED" ? undefined : shadowOf(annotations));
    }
  }
}
