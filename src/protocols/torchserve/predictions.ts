import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import { isStream } from "../../core/inference.ts";
import type { ControlPlane, DataPlane } from "../../core/planes.ts";
import { jsonReply, streamReply, wantsEvents } from "../shared/index.ts";
import { payloadOf, writeAnswer } from "./any-model.ts";
import { partsOf } from "./body.ts";
import { handlerReply } from "./reply.ts";
import { versionIn } from "./target.ts";
import { readResponse, writeRequest } from "./wire.ts";

/** Methods of archives behind TorchServe's routes. */
export type HandlerMethod = "predictions" | "explanations" | "descriptions";

export interface Planes {
  readonly dataPlane: DataPlane;
  readonly controlPlane: Pick<ControlPlane, "versions" | "describe">;
}

/**
 * Answers through the handler of an archive, whose status, headers and body are the answer's; any other model answers `predictions` in
 * JSON.
 */
export async function predict(planes: Planes, method: HandlerMethod, request: HttpRequest): Promise<HttpReply> {
  const { dataPlane, controlPlane } = planes;
  const { context, headers } = request;
  const target = versionIn(controlPlane, request);
  context.record.model = target.name;
  const parts = method === "descriptions" ? [] : await partsOf(request);
  const { description } = await controlPlane.describe(target, context);
  if (description !== undefined && Object.hasOwn(description.methods, method)) {
    const { output } = await dataPlane.infer({ target: { ...target, method }, payload: writeRequest(headers, parts), context });
    if (isStream(output)) throw new ServeError("INTERNAL", "an archive answered with a stream");
    return handlerReply(readResponse(output), context);
  }
  const asked = method === "predictions" ? target : { ...target, method: method === "explanations" ? "explain" : method };
  const signature = await dataPlane.signature(asked, context);
  const { output } = await dataPlane.infer({ target: asked, payload: payloadOf(parts, signature), context });
  if (!isStream(output)) return jsonReply(writeAnswer(output));
  return streamReply({ context, payloads: output, encode: writeAnswer, asEvents: wantsEvents(headers) });
}
