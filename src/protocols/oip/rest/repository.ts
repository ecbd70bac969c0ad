import { ServeError } from "../../../core/errors.ts";
import type { HttpReply, HttpRequest, Route } from "../../../core/http.ts";
import type { ControlPlane } from "../../../core/planes.ts";
import { describe, isObject, jsonReply, namespaceOf, targetOf, unexpected } from "../../shared/index.ts";
import type { Extensions } from "../extensions/extensions.ts";
import type { LoadParameters } from "../extensions/load-override.ts";
import { loadModel, repositoryIndex, unloadModel } from "../extensions/repository.ts";
import { inCategory, optionalObject, type RoutePart } from "./route-kinds.ts";

type Control = Pick<ControlPlane, "repository" | "names" | "versions">;

/** Triton's model repository extension, with KServe's answers to loads and unloads, which Triton's clients do not look at. */
export function repositoryRoutes(controlPlane: Control, extensions: Extensions): Route[] {
  const { profile } = extensions;
  const change = (path: string, handle: Route["handle"]): RoutePart => ({
    method: "POST",
    path,
    access: "admin",
    target: targetOf,
    handle,
  });
  const indexes = ["/v2/repository/index", "/v2/repository/{repository}/index"].map(
    (path): RoutePart => ({ method: "POST", path, access: "read", handle: (request) => index(controlPlane, request) }),
  );
  // KServe's page on serving runtimes, "Multi-Model Management API": "List loaded models".
  const loaded: RoutePart = {
    method: "GET",
    path: "/v2/repository/models",
    access: "read",
    handle: (request) => jsonReply(JSON.stringify(repositoryIndex(controlPlane, namespaceOf(request), true))),
  };
  const changes = ["/v2/repository/models/{model}", "/v2/repository/models/{model}/versions/{version}"].flatMap((path) => [
    change(`${path}/load`, async (request) => {
      const target = targetOf(request);
      await loadModel(controlPlane, target, parametersIn(request), request.context, profile);
      return done(target.name, "load");
    }),
    change(`${path}/unload`, async (request) => {
      const target = targetOf(request);
      await unloadModel(controlPlane, target, unloadsDependents(request), profile);
      return done(target.name, "unload");
    }),
  ]);
  const named = ["load", "unload"].map((action) =>
    change(`/v2/repository/{repository}/models/{model}/${action}`, () => {
      throw new ServeError("UNIMPLEMENTED", "'repository_name' specification is not supported");
    }),
  );
  return [...indexes, loaded, ...changes, ...named].map(inCategory(extensions, "model-repository"));
}

function index(controlPlane: Control, request: HttpRequest): HttpReply {
  const { ready } = optionalObject(request);
  if (ready !== undefined && typeof ready !== "boolean") {
    throw new ServeError("INVALID_ARGUMENT", `Invalid value for 'ready': expected a boolean, got ${describe(ready)}`);
  }
  return jsonReply(JSON.stringify(repositoryIndex(controlPlane, namespaceOf(request), ready === true)));
}

/** `config` is text and files are in base64. @throws ServeError INVALID_ARGUMENT */
function parametersIn(request: HttpRequest): LoadParameters | undefined {
  const { parameters } = optionalObject(request);
  if (parameters === undefined || parameters === null) return undefined;
  if (!isObject(parameters)) throw unexpected("parameters", "an object", parameters);
  const decoded = new Map<string, string | Uint8Array>();
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value !== "string") throw unexpected(`parameters.${name.slice(0, 100)}`, "a string", value);
    decoded.set(name, name.startsWith("file:") ? bytesOf(name, value) : value);
  }
  return decoded;
}

function bytesOf(name: string, text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  // Buffer leaves out what is not base64.
  const expected = Math.floor((text.replace(/=+$/, "").length * 3) / 4);
  if (bytes.byteLength === expected) return bytes;
  throw new ServeError("INVALID_ARGUMENT", `Unable to decode base64 data of parameter '${name.slice(0, 200)}'`);
}

function unloadsDependents(request: HttpRequest): boolean {
  const { parameters } = optionalObject(request);
  const dependents = isObject(parameters) ? parameters.unload_dependents : undefined;
  if (dependents === undefined || typeof dependents === "boolean") return dependents === true;
  throw new ServeError("INVALID_ARGUMENT", `Unable to parse 'unload_dependents': expected a boolean, got ${describe(dependents)}`);
}

function done(name: string, action: "load" | "unload"): HttpReply {
  return jsonReply(JSON.stringify({ name, [action]: true }));
}
