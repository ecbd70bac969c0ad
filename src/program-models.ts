import type { HostSpec } from "./core/executor.ts";
import { hostName } from "./core/host-name.ts";
import { processlessEndpoint } from "./core/processless-endpoint.ts";
import { untilAborted } from "./core/until-aborted.ts";
import { loadCustomModel } from "./hosts/node/index.ts";
import type { LoaderSteps } from "./models/index.ts";
import { ProgramReplica } from "./replicas/index.ts";

const NOTHING = { model: {}, concurrency: 1 };

/** Models that are objects of this program come to life here, without a process; all others as `steps` say. */
export function withProgramModels(steps: LoaderSteps): LoaderSteps {
  return {
    async prepare(spec, report, signal) {
      if (spec.inProgram === undefined) return await steps.prepare(spec, report, signal);
      const host: HostSpec = { name: hostName(spec), command: process.execPath, arguments: [], environment: {}, inProgram: true };
      return { host, warnings: [] };
    },
    start(host) {
      return host.inProgram === true ? processlessEndpoint(host.name) : steps.start(host);
    },
    async connect(endpoint, signal) {
      if (endpoint.pid !== process.pid) return await steps.connect(endpoint, signal);
      return {
        async warm(_, spec, report, loadSignal) {
          const { inProgram: { model: object, concurrency } = NOTHING, directory, namespace, name, version } = spec;
          const loading = loadCustomModel({ default: object }, { directory, example: null, settings: spec.settings ?? {} }, report);
          // What a model's `load` does cannot be stopped.
          const model = await untilAborted(loading, loadSignal);
          return new ProgramReplica(`${namespace}/${name}/${version}`, model, concurrency);
        },
      };
    },
  };
}
