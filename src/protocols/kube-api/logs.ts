import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import { isModelName } from "../../core/model.ts";
import type { Activity } from "../../core/planes.ts";
import type { Endpoints } from "./endpoint.ts";
import { assertName, assertNamespace } from "./names.ts";
import { isTrue } from "./watch.ts";

/** What the hosts of a model print, one line each; parameters as Kubernetes' logs of a pod have them. */
export function createLogEndpoints(activity: Activity): Endpoints {
  return {
    "/nitrous/namespaces/{namespace}/models/{name}/logs": {
      GET: (request) => logsReply(activity, request),
      target: ({ params: { namespace = "", name = "" } }) => ({ namespace, name }),
      subject: ({ params }) => ({ kind: "Model", plural: "models", group: "", name: params.name }),
    },
  };
}

function logsReply(activity: Activity, { params, query, context }: HttpRequest): HttpReply {
  const { namespace = "", name = "" } = params;
  assertNamespace(namespace);
  // A model's own name is as good as its service's, and may have what Kubernetes' names may not.
  if (!isModelName(name)) assertName(name);
  const headers = { "Content-Type": "text/plain; charset=utf-8" };
  const lines = lastLines(activity.logs(namespace, name), query.get("tailLines"));
  const text = lines.map((line) => `${line}\n`).join("");
  if (!isTrue(query.get("follow"))) return { status: 200, headers, body: text };
  const coming = activity.followLogs(namespace, name, context.signal);
  return { status: 200, headers: { ...headers, "Cache-Control": "no-cache" }, body: pieces(text, coming) };
}

async function* pieces(text: string, coming: AsyncIterable<string>): AsyncGenerator<string> {
  yield text;
  for await (const line of coming) yield `${line}\n`;
}

function lastLines(lines: readonly string[], tailLines: string | null): readonly string[] {
  if (tailLines === null) return lines;
  if (!/^\d{1,9}$/.test(tailLines)) throw new ServeError("INVALID_ARGUMENT", `tailLines is '${tailLines}'; expected a number of lines`);
  return lines.slice(Math.max(0, lines.length - Number(tailLines)));
}
