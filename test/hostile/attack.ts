import { exchange, type Reply, whole } from "./wire.ts";

/** Whose error body the answer has; "none" where the connection is ended without one. */
export type ErrorBody = "error" | "Status" | "none";

export interface Attack {
  readonly name: string;
  /** The status of every reply that is not a success before the attack begins. */
  readonly status: number;
  readonly body?: ErrorBody;
  /** Sends it, and settles with the reply to the part that is to be refused. */
  readonly send: (url: string) => Promise<Reply | undefined>;
  /** Sent again and again, to see what is left in memory: 200 times, or so often for one whose bodies have megabytes. */
  readonly repeated?: boolean | number;
}

export const V1 = "/v1/models/free:predict";
export const OIP = "/v2/models/typed/infer";
export const TEXTS = "/v2/models/texts/infer";
export const SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices";

/** Sends pieces on a connection of their own; the reply is the first one, or the one with the given index. */
export function raw(pieces: () => Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>, index = 0): Attack["send"] {
  return async (url) => (await exchange(url, pieces(), index + 1))[index];
}

export function post(
  path: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string | number>> = {},
  method = "POST",
): Attack["send"] {
  return raw(() => [whole(path, body, headers, method)]);
}

export function get(path: string, headers: Readonly<Record<string, string | number>> = {}): Attack["send"] {
  return post(path, "", headers, "GET");
}
