import type { ModelSpec } from "./core/model.ts";
import type { UpstreamSpec } from "./core/upstream.ts";
import type { LoaderSteps } from "./models/index.ts";
import type { ModelFolders } from "./replicas/index.ts";

type SharedSpec = ModelSpec & { readonly upstream: UpstreamSpec };

/**
 * Models whose server holds several of them are put into its folder before it is told to load them, and taken out when it has let go of
 * them; all others as `steps` say.
 */
export function withModelFolders(steps: LoaderSteps, folders: ModelFolders): LoaderSteps {
  return {
    async prepare(spec, report, signal) {
      if (!isShared(spec)) return await steps.prepare(spec, report, signal);
      const { container } = await folders.serverOf(spec);
      return await steps.prepare({ ...spec, upstream: { ...spec.upstream, place: { kind: "container", container } } }, report, signal);
    },
    start: (host) => steps.start(host),
    async connect(endpoint, signal) {
      const connected = await steps.connect(endpoint, signal);
      return {
        async warm(place, spec, report, loadSignal) {
          if (!isShared(spec)) return await connected.warm(place, spec, report, loadSignal);
          // The server of TrainedModels, whose InferenceService has no model of its own.
          if (spec.file === "") return await connected.warm(place, named(spec, ""), report, loadSignal);
          report("putting the model where its server finds it");
          const { key } = await folders.serverOf(spec);
          const placed = await folders.place(key, spec);
          try {
            const replica = await connected.warm(place, named(spec, placed.name), report, loadSignal);
            void replica.exited.then(() => placed.remove());
            return replica;
          } catch (error) {
            await placed.remove();
            throw error;
          }
        },
      };
    },
  };
}

function isShared(spec: ModelSpec): spec is SharedSpec {
  return spec.upstream?.shared === true && spec.upstream.place.kind === "container";
}

function named({ upstream, ...spec }: SharedSpec, modelName: string): ModelSpec {
  return { ...spec, upstream: { ...upstream, modelName } };
}
