import { ServeError } from "../core/errors.ts";
import { parseExactly } from "../core/exact-json.ts";
import type { JsonValue } from "../core/inference.ts";
import { whenAborted } from "../core/when-aborted.ts";
import type { HandleAnswer, HandleCall, HandleDoor, HandleTarget } from "./door.ts";
import { createHandle } from "./handle.ts";
import { createHttpFuture } from "./http-future.ts";
import { readStream } from "./http-stream.ts";
import type { HandleStatus, ModelHandle } from "./model-handle.ts";
import { outputsOf } from "./outputs.ts";
import { refusalOf } from "./refusal.ts";
import { levelOf, timeoutOf } from "./schedule.ts";
import type { InputValues, OutputValues } from "./values.ts";
import { decodeAnswer, encodeInputs, JSON_LENGTH_HEADER, jsonText, MODEL_ID_HEADER } from "./wire.ts";

export interface HttpHandleOptions {
  /** `default` when absent. */
  readonly namespace?: string;
  /** The latest when absent. */
  readonly version?: string;
  readonly apiKey?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A handle for a model of another server, such as `http://127.0.0.1:8080`. Nothing is sent before the first call.
 * @throws ServeError INVALID_ARGUMENT for what is no address
 */
export function openHandle<Inputs = InputValues, Outputs = OutputValues>(
  server: string | URL,
  name: string,
  options: HttpHandleOptions = {},
): ModelHandle<Inputs, Outputs> {
  const { namespace = "default", version } = options;
  return createHandle<Inputs, Outputs>(createHttpDoor(server, options), { namespace, name, version });
}

/** Milliseconds after a request's deadline in which the server may still say that it has passed. */
const GRACE_MS = 2_000;

function createHttpDoor(server: string | URL, { apiKey, headers: own = {} }: HttpHandleOptions): HandleDoor {
  const base = addressOf(server);
  const headers = { ...(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }), ...own };

  const ask = async (path: string, init: RequestInit & { readonly headers?: Record<string, string> }): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(base + path, { ...init, headers: { ...headers, ...init.headers } });
    } catch (error) {
      init.signal?.throwIfAborted();
      const { cause } = error as { cause?: { code?: string; message?: string } };
      const how = cause?.code ?? cause?.message ?? String(error);
      throw new ServeError("UNAVAILABLE", `no server answers at ${base} (${how})`, { cause: error });
    }
    if (response.ok) return response;
    throw await refusalOf(response);
  };

  /** Sends a call; the answer's body is read by `read`, for as long as the signal and the deadline let it. */
  async function send<Output>(
    call: HandleCall,
    verb: string,
    read: (response: Response, forget: () => void) => Promise<Output>,
  ): Promise<HandleAnswer<Output>> {
    const { target, method, modelId, outputs, parameters, signal } = call;
    signal?.throwIfAborted();
    const timeoutMs = timeoutOf(call);
    const priority = levelOf(call);
    const { inputs, blobs } = encodeInputs(call.inputs);
    const json = new TextEncoder().encode(jsonText({ inputs, outputs, parameters }));
    const limited = limit(signal, timeoutMs);
    try {
      const response = await ask(`${pathOf(target)}/${verb}${method === undefined ? "" : `?method=${encodeURIComponent(method)}`}`, {
        method: "POST",
        // A Blob is sent as it is; its parts are not put together first.
        body: blobs.length === 0 ? json : new Blob([json, ...blobs] as Uint8Array<ArrayBuffer>[]),
        signal: limited.signal,
        headers: {
          ...targetHeaders(target),
          "Content-Type": blobs.length === 0 ? "application/json" : "application/octet-stream",
          ...(blobs.length === 0 ? {} : { [JSON_LENGTH_HEADER]: String(json.byteLength) }),
          ...(modelId === undefined ? {} : { [MODEL_ID_HEADER]: modelId }),
          ...(timeoutMs === undefined ? {} : { "nitrous-timeout": String(Math.min(timeoutMs, 999_999_999)) }),
          ...(priority === undefined ? {} : { "nitrous-priority": String(priority) }),
        },
      });
      return { modelId: response.headers.get(MODEL_ID_HEADER) ?? "", output: await read(response, limited.forget) };
    } catch (error) {
      limited.forget();
      throw limited.signal.aborted ? limited.signal.reason : error;
    }
  }

  return {
    async status(target, modelId) {
      const held = modelId === undefined ? {} : { [MODEL_ID_HEADER]: modelId };
      const response = await ask(`${pathOf(target)}/status`, { headers: { ...targetHeaders(target), ...held } });
      return (await response.json()) as HandleStatus;
    },
    run: (call) =>
      send(call, "run", async (response, forget) => {
        const output = await outputOf(response);
        forget();
        return output;
      }),
    stream: (call) => send(call, "stream", async (response, forget) => readStream(response, forget, call.signal)),
    async submit(call) {
      const { output } = await send(call, "submit", async (response, forget) => {
        const accepted = (await response.json()) as { id: string; model_id: string };
        forget();
        return accepted;
      });
      return { modelId: output.model_id, output: createHttpFuture(ask, output.id, call.signal, outputOf) };
    },
    async scale(target, replicas) {
      const response = await ask(`${pathOf(target)}/scale`, {
        method: "POST",
        headers: { ...targetHeaders(target), "Content-Type": "application/json" },
        body: JSON.stringify({ replicas }),
      });
      await response.arrayBuffer();
    },
    async change(change, target) {
      const response = await ask(`${pathOf(target)}/${change}`, { method: "POST", headers: targetHeaders(target) });
      await response.arrayBuffer();
    },
  };
}

/** What an answer's body holds. */
async function outputOf(response: Response): Promise<unknown> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const jsonLength = Number(response.headers.get(JSON_LENGTH_HEADER) ?? bytes.byteLength);
  const head = parseExactly(new TextDecoder().decode(bytes.subarray(0, jsonLength))) as Record<string, JsonValue>;
  return outputsOf(decodeAnswer(head, bytes.subarray(jsonLength)));
}

function addressOf(server: string | URL): string {
  if (URL.canParse(String(server))) return String(server).replace(/\/+$/, "");
  throw new ServeError("INVALID_ARGUMENT", `'${server}' is no address; expected one such as http://127.0.0.1:8080`);
}

function pathOf({ name, version }: HandleTarget): string {
  return `/nitrous/models/${encodeURIComponent(name)}${version === undefined ? "" : `/versions/${encodeURIComponent(version)}`}`;
}

function targetHeaders({ namespace, revision }: HandleTarget): Record<string, string> {
  return { "nitrous-namespace": namespace, ...(revision === undefined ? {} : { "nitrous-revision": revision }) };
}

/** A signal that is aborted with the caller's, or when the server has not even said that the time is over. */
function limit(signal: AbortSignal | undefined, timeoutMs: number | undefined): { signal: AbortSignal; forget: () => void } {
  const controller = new AbortController();
  const forget = whenAborted(signal, () => controller.abort(signal?.reason));
  const late = (): void => controller.abort(new ServeError("DEADLINE_EXCEEDED", `the server has not answered within ${timeoutMs} ms`));
  const timer = timeoutMs === undefined ? undefined : setTimeout(late, Math.min(timeoutMs + GRACE_MS, 2 ** 31 - 1));
  return {
    signal: controller.signal,
    forget() {
      clearTimeout(timer);
      forget();
    },
  };
}
