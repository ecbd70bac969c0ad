import { ServeError } from "./core/errors.ts";
import type { HostSpec } from "./core/executor.ts";
import { hostName } from "./core/host-name.ts";
import type { ModelSpec } from "./core/model.ts";
import type { NestedInference } from "./core/nested-inference.ts";
import type { LoaderSteps } from "./models/index.ts";
import { describeSteps, type EnsembleIdentity, openEnsemble } from "./replicas/index.ts";
import { WaitingEnsembles } from "./waiting-ensembles.ts";

/** Ensembles come to life here, without a process, as soon as their models answer; all other models as `steps` say. */
export function withEnsembles(steps: LoaderSteps, nested: NestedInference): LoaderSteps {
  const waiting = new WaitingEnsembles();
  return {
    async prepare(spec, report, signal) {
      if (spec.format !== "ensemble") return await steps.prepare(spec, report, signal);
      const ensemble = identityOf(spec);
      // No limit of time: what their models need before they load has none either.
      await waiting.during(ensemble, () => describeSteps(ensemble, nested, report, signal));
      const host: HostSpec = { name: hostName(spec), command: process.execPath, arguments: [], environment: {}, inProgram: true };
      return { host, warnings: spec.notes ?? [] };
    },
    start: (host) => steps.start(host),
    async connect(endpoint, signal) {
      if (endpoint.pid !== process.pid) return await steps.connect(endpoint, signal);
      return {
        async warm(place, spec, report, loadSignal) {
          if (spec.format === "ensemble") return await openEnsemble({ ...identityOf(spec), version: spec.version }, nested, loadSignal);
          const connected = await steps.connect(endpoint, signal);
          return await connected.warm(place, spec, report, loadSignal);
        },
      };
    },
  };
}

function identityOf({ namespace, name, configuration }: ModelSpec): EnsembleIdentity {
  if (configuration?.ensemble !== undefined) return { namespace, name, configuration };
  throw new ServeError("INVALID_ARGUMENT", `ensemble scheduling must be set for ensemble '${name}': its config.pbtxt names no steps`);
}
