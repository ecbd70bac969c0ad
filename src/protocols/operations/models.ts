import type { Route } from "../../core/http.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { failJson, jsonReply, targetOf, writeJson } from "../shared/index.ts";

/** Everything that is known of a model, for the command line: state, reason, warnings, memory, example. */
export function createModelRoutes(controlPlane: ControlPlane): Route[] {
  return ["/nitrous/models/{model}", "/nitrous/models/{model}/versions/{version}"].map((path) => ({
    method: "GET",
    path,
    access: "read",
    target: targetOf,
    async handle(request) {
      const { description, ...status } = await controlPlane.describe(targetOf(request), request.context);
      return jsonReply(writeJson({ ...status, ...description } as never));
    },
    fail: failJson,
  }));
}
