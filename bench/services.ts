import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { EXAMPLES } from "../test/server-process.ts";

export const COLLECTION = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices";

/** InferenceServices of a tiny ONNX model: the first `loaded` are loaded at once, the rest at their first request. */
export function inferenceServices(count: number, loaded: number): readonly object[] {
  return Array.from({ length: count }, (_, index) => ({
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name: `service-${index}` },
    spec: {
      predictor: {
        minReplicas: index < loaded ? 1 : 0,
        model: { modelFormat: { name: "onnx" }, storageUri: `file://${EXAMPLES}/iris-onnx` },
      },
    },
  }));
}

/** POSTs each of them, so many at a time. Settles when the last one has been answered. */
export async function applyAll(url: string, services: readonly object[], connections: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const rest = services.map((service) => JSON.stringify(service)).values();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (const body of rest) await create(url, body, agent);
    }),
  );
  agent.destroy();
}

function create(url: string, body: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const sent = httpRequest(url + COLLECTION, { method: "POST", agent, headers }, (response) => {
      if (response.statusCode !== 201) reject(new Error(`an InferenceService was answered with ${response.statusCode}`));
      response.resume().on("end", resolve);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

interface Shown {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string }> };
}

export interface Readiness {
  /** Changes that the watch has told of. */
  readonly changes: number;
}

/** Watches; the returned promise settles when `count` of the bench's services are ready. */
export async function watchUntilReady(url: string, count: number): Promise<{ readonly allReady: Promise<Readiness> }> {
  const sent = httpRequest(`${url}${COLLECTION}?watch=1`).end();
  const [response] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
  const ready = new Set<string>();
  let changes = 0;
  let text = "";
  const allReady = new Promise<Readiness>((resolve, reject) => {
    response.on("error", reject).setEncoding("utf8");
    response.on("end", () => reject(new Error("the watch ended before all services were ready")));
    response.on("data", (chunk: string) => {
      const lines = (text + chunk).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const { object } = JSON.parse(line) as { readonly object: Shown };
        changes++;
        if (object.metadata.name.startsWith("service-") && isReady(object)) ready.add(object.metadata.name);
      }
      if (ready.size < count) return;
      response
        .removeAllListeners("end")
        .removeAllListeners("error")
        .on("error", () => undefined);
      sent.destroy();
      resolve({ changes });
    });
  });
  return { allReady };
}

function isReady({ status }: Shown): boolean {
  return status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false;
}
