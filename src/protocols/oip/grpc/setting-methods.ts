import type { GrpcMethod } from "../../../core/grpc.ts";
import type { ControlPlane } from "../../../core/planes.ts";
import {
  type LogSettingsRequest_SettingValue,
  LogSettingsRequestSchema,
  LogSettingsResponseSchema,
  TraceSettingRequestSchema,
  TraceSettingResponseSchema,
} from "../../../grpc-messages/index.ts";
import type { JsonObject } from "../../shared/index.ts";
import type { Extensions } from "../extensions/extensions.ts";
import { changeLogSettings, logSettings } from "../extensions/logging.ts";
import { changeTraceSettings, traceSettings } from "../extensions/trace.ts";
import { SERVICE, targetOfModel } from "./target.ts";
import { typedMethod } from "./typed-method.ts";

/** TraceSetting: changes what the request names, and answers with all that hold. */
export function createTraceMethod(controlPlane: Pick<ControlPlane, "get">, { traces }: Extensions): GrpcMethod {
  return typedMethod({
    path: `${SERVICE}/TraceSetting`,
    access: "admin",
    request: TraceSettingRequestSchema,
    response: TraceSettingResponseSchema,
    target: ({ modelName }, { metadata }) => (modelName === "" ? undefined : targetOfModel(modelName, "", metadata)),
    handle({ settings }, _call, target) {
      const model = target === undefined ? undefined : nameOf(controlPlane.get(target));
      // A setting without a value is to be as it was.
      const wanted = Object.entries(settings).map(([name, { value }]) => [name, value.length > 1 ? value : (value[0] ?? null)]);
      const answer = wanted.length === 0 ? traceSettings(traces, model) : changeTraceSettings(traces, Object.fromEntries(wanted), model);
      return { settings: Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, { value: [value].flat() }])) };
    },
  });
}

/** LogSettings, in the same way. */
export function createLogMethod({ logs, logDirectory }: Extensions): GrpcMethod {
  return typedMethod({
    path: `${SERVICE}/LogSettings`,
    access: "admin",
    request: LogSettingsRequestSchema,
    response: LogSettingsResponseSchema,
    handle({ settings }) {
      const wanted = Object.entries(settings).map(([name, { parameterChoice }]) => [name, parameterChoice.value]);
      const answer =
        wanted.length === 0 ? logSettings(logs) : changeLogSettings(logs, Object.fromEntries(wanted) as JsonObject, logDirectory);
      return { settings: Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, settingOf(value)])) };
    },
  });
}

function settingOf(value: boolean | number | string): Pick<LogSettingsRequest_SettingValue, "parameterChoice"> {
  if (typeof value === "boolean") return { parameterChoice: { case: "boolParam", value } };
  if (typeof value === "number") return { parameterChoice: { case: "uint32Param", value } };
  return { parameterChoice: { case: "stringParam", value } };
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
