import { createHash, type Hash } from "node:crypto";
import { ServeError } from "../core/errors.ts";
import { type JsonValue, jsonValueOf, type Payload } from "../core/inference.ts";
import type { ReplicaCall } from "../core/replica.ts";
import { byteSize } from "../core/tensor.ts";

/** Deaths of a host, alone in it, after which a request is refused: one may be chance. */
const DEATHS = 2;
/** Requests that are remembered, and as many suspects. */
const LIMIT = 1024;

/**
 * Requests that were alone in a host at two of its deaths, known by a hash of method, payload and parameters. As long as there are
 * none, no request is hashed. It lives as long as its model's version.
 */
export class Quarantine {
  readonly #limit: number;
  /** Deaths by fingerprint, the longest unseen first: of suspects, and of what is refused. Kept apart, so that chance never frees a request. */
  readonly #suspects = new Map<string, number>();
  readonly #refused = new Map<string, string>();
  /** How many refused requests have these outlines: what has another one need not be hashed. */
  readonly #outlines = new Map<string, number>();

  constructor(limit = LIMIT) {
    this.#limit = limit;
  }

  /** Requests that are refused. */
  get size(): number {
    return this.#refused.size;
  }

  /** The call was alone in a host that died. True when it is refused from now on. */
  recordDeath(call: ReplicaCall): boolean {
    const key = fingerprint(call);
    if (this.#refused.has(key)) return true;
    const deaths = (this.#suspects.get(key) ?? 0) + 1;
    this.#suspects.delete(key);
    if (deaths < DEATHS) {
      this.#suspects.set(key, deaths);
      dropOldest(this.#suspects, this.#limit);
      return false;
    }
    const outline = outlineOf(call);
    this.#refused.set(key, outline);
    this.#outlines.set(outline, (this.#outlines.get(outline) ?? 0) + 1);
    const dropped = dropOldest(this.#refused, this.#limit);
    if (dropped !== undefined) this.#forgetOutline(dropped);
    return true;
  }

  /** @throws ServeError FAILED_PRECONDITION for a request that is refused */
  check(call: ReplicaCall): void {
    if (this.#refused.size === 0 || !this.#outlines.has(outlineOf(call))) return;
    const key = fingerprint(call);
    const outline = this.#refused.get(key);
    if (outline === undefined) return;
    this.#refused.delete(key);
    this.#refused.set(key, outline);
    throw new ServeError(
      "FAILED_PRECONDITION",
      `this request ended the model's host ${DEATHS} times while it was alone in it, so it is refused until a new revision of the model is served; ` +
        "change the request, or the model so that it can answer it",
      { refusal: "quarantine" },
    );
  }

  #forgetOutline(outline: string): void {
    const left = (this.#outlines.get(outline) ?? 1) - 1;
    if (left === 0) this.#outlines.delete(outline);
    else this.#outlines.set(outline, left);
  }
}

/** Takes out what is over the limit, the one that was not seen for longest; returns its value. */
function dropOldest<Value>(entries: Map<string, Value>, limit: number): Value | undefined {
  const [oldest] = entries;
  if (oldest === undefined || entries.size <= limit) return undefined;
  entries.delete(oldest[0]);
  return oldest[1];
}

/** Equal for equal calls, and cheap: says no for nearly all others. */
function outlineOf({ method, payload }: ReplicaCall): string {
  switch (payload.kind) {
    case "tensors":
      return `${method} ${payload.tensors.map((tensor) => `${tensor.datatype}[${tensor.shape}]${byteSize(tensor)}`).join()}`;
    case "rows":
      return `${method} rows ${payload.rows.length}`;
    default:
      return `${method} ${payload.kind}`;
  }
}

function fingerprint({ method, payload, parameters = {} }: ReplicaCall): string {
  const hash = createHash("sha256");
  add(hash, method);
  add(hash, canonical(parameters as JsonValue));
  addPayload(hash, payload);
  return hash.digest("base64");
}

function addPayload(hash: Hash, payload: Payload): void {
  add(hash, payload.kind);
  if (payload.kind === "raw") {
    add(hash, payload.call?.path ?? "");
    add(hash, payload.body);
    return;
  }
  if (payload.kind !== "tensors") {
    add(hash, canonical(jsonValueOf(payload)));
    return;
  }
  for (const { name, datatype, shape, data } of payload.tensors) {
    add(hash, JSON.stringify([name, datatype, shape]));
    for (const part of data instanceof Uint8Array ? [data] : data) add(hash, part);
  }
}

/** With its length before it, so that no two sequences of parts look alike. */
function add(hash: Hash, part: string | Uint8Array): void {
  hash.update(`${typeof part === "string" ? Buffer.byteLength(part) : part.byteLength}:`);
  hash.update(part);
}

/** JSON text with sorted keys, in which long integers are told from text and from other numbers. */
function canonical(value: JsonValue): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}
