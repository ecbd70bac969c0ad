import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { nitrous } from "./cli-process.ts";

const SERVICES = "/apis/serving.kserve.io/v1beta1";

export interface ServiceObject {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly generation: number };
  readonly status?: {
    readonly observedGeneration: number;
    readonly servingRuntimeName?: string;
    readonly clusterServingRuntimeName?: string;
    readonly conditions: ReadonlyArray<{ readonly type: string; readonly status: string; readonly message?: string }>;
    readonly modelStatus: {
      readonly transitionStatus: string;
      readonly states: { readonly activeModelState: string; readonly targetModelState: string };
      readonly lastFailureInfo?: { readonly reason: string; readonly message: string };
    };
    readonly nitrous: { readonly servingGeneration?: number };
  };
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Asks with any Host header, which fetch does not allow. A body makes it a POST. */
export function ask(url: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { method: body === undefined ? "GET" : "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("error", reject).on("end", () => {
        resolve({ status: response.statusCode ?? 0, body: text === "" ? undefined : JSON.parse(text) });
      });
    });
    sent.on("error", reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** An InferenceService as the control API shows it; undefined when there is none. */
export async function serviceAt(url: string, name: string, namespace = "default"): Promise<ServiceObject | undefined> {
  const { status, body } = await ask(url, `${SERVICES}/namespaces/${namespace}/inferenceservices/${name}`);
  return status === 404 ? undefined : (body as ServiceObject);
}

/** Settles with the service when it is as wanted, which the test's own time limit bounds. */
export async function untilService(url: string, name: string, isWanted: (service: ServiceObject) => boolean): Promise<ServiceObject> {
  for (;;) {
    const service = await serviceAt(url, name);
    if (service?.status?.observedGeneration === service?.metadata.generation && service !== undefined && isWanted(service)) return service;
    await delay(50);
  }
}

export function isReady({ status }: ServiceObject): boolean {
  return status?.modelStatus.transitionStatus === "UpToDate" && readyOf(status) === "True";
}

function readyOf(status: NonNullable<ServiceObject["status"]>): string | undefined {
  return status.conditions.find(({ type }) => type === "Ready")?.status;
}

/**
 * Applies files through the command line and waits for what they hold, by default for less than a test may take; fails with what
 * the command says.
 */
export async function applyReady(url: string, files: readonly string[], seconds = 100): Promise<string> {
  const words = ["apply", "--server", url, ...files.flatMap((file) => ["-f", file]), "--wait", String(seconds)];
  const { code, stdout, stderr } = await nitrous(words);
  if (code !== 0) throw new Error(`nitrous apply ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
