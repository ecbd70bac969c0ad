import { ServeError } from "../../core/errors.ts";
import type { HttpRequest, Route } from "../../core/http.ts";
import type { ControlPlane, DataPlane } from "../../core/planes.ts";
import { answerCall, type CallsOptions, heldStatus, openContext, performCall } from "../../handles/index.ts";
import { failCoded, jsonReply, targetOf, writeJson } from "../shared/index.ts";
import { decodeCall, holdModel, replyOf } from "./call.ts";
import type { Futures } from "./futures.ts";

export interface HandleRoutesOptions extends CallsOptions {
  readonly dataPlane: DataPlane;
  readonly controlPlane: Pick<ControlPlane, "get" | "list">;
  readonly futures: Futures;
}

/** Milliseconds for which somebody may wait for a future in one request. */
const LONGEST_WAIT_MS = 60_000;

/** What handles of other programs call: requests with the inputs as their callers gave them, futures, and a status that loads nothing. */
export function createHandleRoutes(options: HandleRoutesOptions): Route[] {
  const { dataPlane, controlPlane, futures, clock } = options;
  const run = (path: string, streams: boolean): Route => ({
    method: "POST",
    path,
    access: "infer",
    target: targetOf,
    protocol: "handle",
    gate(head) {
      holdModel(head);
      dataPlane.admit(targetOf(head), head.declaredBytes, head.context);
    },
    async handle(request) {
      const { context } = request;
      return replyOf(await answerCall(dataPlane, decodeCall(request, streams), context), context);
    },
    fail: failCoded,
  });
  const submit = (path: string): Route => ({
    method: "POST",
    path,
    access: "infer",
    target: targetOf,
    gate(head) {
      holdModel(head);
      futures.assertRoom(head.context.principal);
      // Before its body is read, as for other requests; it is counted when it begins.
      controlPlane.get(targetOf(head));
    },
    async handle(request) {
      const call = decodeCall(request, false);
      const { modelId = controlPlane.get(call.target).id, principal, priority, deadline } = request.context;
      const context = openContext(options, call.target.name, { modelId, principal, priority, timeoutMs: deadline - clock.now() });
      context.record.bytes = request.body.byteLength;
      const id = await futures.add(call.target, context, async () => replyOf(await performCall(options, call, context), context));
      return jsonReply(JSON.stringify({ id, done: false, model_id: modelId }), 202);
    },
    fail: failCoded,
  });
  const future = (method: "GET" | "DELETE", handle: Route["handle"]): Route => ({
    method,
    path: "/nitrous/futures/{id}",
    access: "infer",
    target: ({ params }) => futures.targetOf(params.id ?? ""),
    openEnded: true,
    handle,
    fail: failCoded,
  });
  return [
    ...["/nitrous/models/{model}", "/nitrous/models/{model}/versions/{version}"].flatMap((path): Route[] => [
      run(`${path}/run`, false),
      run(`${path}/stream`, true),
      submit(`${path}/submit`),
      {
        method: "GET",
        path: `${path}/status`,
        access: "read",
        target: targetOf,
        gate: holdModel,
        handle: (request) => jsonReply(writeJson(heldStatus(controlPlane, targetOf(request), request.context.modelId) as never)),
        fail: failCoded,
      },
    ]),
    future("GET", async (request) => {
      const { params, context } = request;
      const reply = await futures.result(params.id ?? "", waitOf(request), context);
      return reply ?? jsonReply(JSON.stringify({ id: params.id, done: false }), 202);
    }),
    future("DELETE", ({ params, context }) => {
      futures.cancel(params.id ?? "", context.principal);
      return jsonReply(JSON.stringify({ id: params.id, cancelled: true }));
    }),
  ];
}

/** @throws ServeError INVALID_ARGUMENT */
function waitOf({ query, context }: HttpRequest): number {
  const text = query.get("wait") ?? "0";
  if (!/^\d{1,9}$/.test(text))
    throw new ServeError(
      "INVALID_ARGUMENT",
      `wait: expected milliseconds, at most ${LONGEST_WAIT_MS}, found ${JSON.stringify(text.slice(0, 20))}`,
    );
  // The request's own time must not end before its answer.
  const left = context.deadline - context.record.startedAt;
  return Math.min(Number(text), LONGEST_WAIT_MS, left * 0.9);
}
