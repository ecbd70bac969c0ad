import { ServeError } from "../../../core/errors.ts";
import type { HttpReply, HttpRequest, Route } from "../../../core/http.ts";
import type { ControlPlane } from "../../../core/planes.ts";
import { jsonReply, namespaceOf, targetOf } from "../../shared/index.ts";
import type { Extensions } from "../extensions/extensions.ts";
import { changeLogSettings, logSettings } from "../extensions/logging.ts";
import { modelConfiguration } from "../extensions/model-configuration.ts";
import { modelStatistics } from "../extensions/statistics.ts";
import { changeTraceSettings, traceSettings } from "../extensions/trace.ts";
import { aboutModel, asTriton, both, inCategory, optionalObject, question, type RoutePart } from "./route-kinds.ts";

type Control = Pick<ControlPlane, "list" | "names" | "versions" | "describe">;

/** Triton's extensions that tell of models, and those that set what is logged and traced. */
export function extensionRoutes(controlPlane: Control, extensions: Extensions): Route[] {
  return [
    ...configurationRoutes(controlPlane, extensions),
    ...statisticsRoutes(controlPlane, extensions),
    ...loggingRoutes(extensions),
    ...traceRoutes(controlPlane, extensions),
  ];
}

function configurationRoutes(controlPlane: Control, extensions: Extensions): Route[] {
  const { profile } = extensions;
  return both("/config").map((path) =>
    inCategory(
      extensions,
      "model-config",
    )(
      aboutModel(path, async (request) => {
        const target = targetOf(request);
        const model = await asTriton(target.name, profile.unavailableIsUnknown, () => controlPlane.describe(target, request.context));
        return json(modelConfiguration(model, extensions));
      }),
    ),
  );
}

function statisticsRoutes(controlPlane: Control, extensions: Extensions): Route[] {
  const { statistics } = extensions;
  const reply = (request: HttpRequest, name?: string): HttpReply => {
    const target = name === undefined ? { namespace: namespaceOf(request) } : targetOf(request);
    return json({ model_stats: modelStatistics(controlPlane, statistics, target) });
  };
  return [
    // Before the next ones: a model of this name has no other statistics.
    question("/v2/models/stats", "read", (request) => reply(request)),
    ...both("/stats").map((path) => aboutModel(path, (request) => reply(request, request.params.model))),
  ].map(inCategory(extensions, "statistics"));
}

function loggingRoutes(extensions: Extensions): Route[] {
  const { logs, logDirectory } = extensions;
  const change = (request: HttpRequest): HttpReply => json(changeLogSettings(logs, optionalObject(request), logDirectory));
  return [
    question("/v2/logging", "read", () => json(logSettings(logs))),
    { method: "POST", path: "/v2/logging", access: "admin", handle: change } satisfies RoutePart,
  ].map(inCategory(extensions, "logging"));
}

function traceRoutes(controlPlane: Control, extensions: Extensions): Route[] {
  const { traces } = extensions;
  /** @throws ServeError NOT_FOUND for a model that there is not */
  const modelOf = (request: HttpRequest): string | undefined => {
    if (request.params.model === undefined) return undefined;
    const { namespace, name } = targetOf(request);
    // Clients of Triton look for these words, with this space.
    if (!controlPlane.names(namespace).includes(name)) throw new ServeError("NOT_FOUND", `Request for unknown model : ${name}`);
    return `${namespace}/${name}`;
  };
  const change = (request: HttpRequest): HttpReply => json(changeTraceSettings(traces, optionalObject(request), modelOf(request)));
  return ["/v2/trace/setting", "/v2/models/{model}/trace/setting"]
    .flatMap((path): RoutePart[] => {
      const target = path.includes("{model}") ? { target: targetOf } : {};
      return [
        { ...question(path, "read", (request) => json(traceSettings(traces, modelOf(request)))), ...target },
        { method: "POST", path, access: "admin", handle: change, ...target },
      ];
    })
    .map(inCategory(extensions, "trace"));
}

function json(value: unknown): HttpReply {
  return jsonReply(JSON.stringify(value));
}
