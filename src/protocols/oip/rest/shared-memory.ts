import type { ClientMemory } from "../../../core/client-memory.ts";
import { ServeError } from "../../../core/errors.ts";
import type { HttpReply, HttpRequest, Route } from "../../../core/http.ts";
import { failJson, isObject, type JsonObject, jsonReply, parseJson, unexpected } from "../../shared/index.ts";
import { noCudaDevice, regionIn, regionStatus } from "../extensions/shared-memory.ts";

/** Triton's shared memory extensions: regions of the same machine's memory, and of a GPU's, of which there never are any. */
export function sharedMemoryRoutes(memory: ClientMemory): Route[] {
  const route = (method: "GET" | "POST", path: string, handle: Route["handle"]): Route[] =>
    ["", "/region/{region}"].map((region) => ({
      method,
      path: path.replace("*", region),
      // To register one is a part of asking for an inference.
      access: method === "GET" ? "read" : "infer",
      handle,
      fail: failJson,
    }));
  return [
    ...route("GET", "/v2/systemsharedmemory*/status", ({ params, context }) => {
      const regions = memory.status(params.region, context.principal);
      return jsonReply(JSON.stringify(regions.map(regionStatus)));
    }),
    ...route("POST", "/v2/systemsharedmemory*/register", async (request) => {
      const { params, context } = request;
      await memory.register(regionIn(params.region ?? "", bodyOf(request)), context.principal);
      return done();
    }),
    ...route("POST", "/v2/systemsharedmemory*/unregister", ({ params, context }) => {
      memory.unregister(params.region, context.principal);
      return done();
    }),
    ...route("GET", "/v2/cudasharedmemory*/status", ({ params: { region } }) => {
      if (region === undefined) return jsonReply("[]");
      throw new ServeError("NOT_FOUND", `Unable to find cuda shared memory region: '${region}'`);
    }),
    ...route("POST", "/v2/cudasharedmemory*/register", ({ params }) => {
      throw noCudaDevice(params.region ?? "");
    }),
    ...route("POST", "/v2/cudasharedmemory*/unregister", () => done()),
  ];
}

function bodyOf({ body }: HttpRequest): JsonObject {
  const json = parseJson(body);
  if (!isObject(json)) throw unexpected("body", "an object with key, offset and byte_size", json);
  return json;
}

function done(): HttpReply {
  return jsonReply("");
}
