import type { Clock } from "../../core/clock.ts";
import { createRecord, RequestContext } from "../../core/context.ts";
import { type Code, ServeError } from "../../core/errors.ts";
import { type InferRequest, type InferResponse, isStream, type Payload, type Target } from "../../core/inference.ts";
import type { DataPlane } from "../../core/planes.ts";
import type { ShadowReport, ShadowRule } from "../../core/shadow.ts";
import { byteSize } from "../../core/tensor.ts";
import type { Registry } from "../../models/index.ts";
import { compareOutcomes, type Outcome } from "./compare.ts";
import { shadowName, Tally } from "./tally.ts";

export interface ShadowsOptions {
  /** Where requests and their copies go. */
  readonly plane: DataPlane;
  readonly registry: Registry;
  readonly clock: Clock;
  /** Answers differ; `message` is for people. Told of the first one and then ever more rarely. */
  readonly onDifference: (service: { readonly namespace: string; readonly name: string; readonly uid: string }, message: string) => void;
  /** In [0, 1). */
  readonly random?: () => number;
}

interface Shadow {
  readonly uid: string;
  readonly rule: ShadowRule;
  readonly tally: Tally;
  running: number;
}

/** Copies of one service that may be under way. */
const MOST_RUNNING = 8;
/** Larger payloads are not kept for a copy. */
const MOST_BYTES = 8 * 1024 * 1024;
/** Milliseconds that a copy may take. */
const PATIENCE = 30_000;
/** The last to be served. */
const PRIORITY = 5;
/** They say that a request was not tried, and nothing about the model. */
const UNTRIED: ReadonlySet<Code> = new Set(["RESOURCE_EXHAUSTED", "UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "NOT_FOUND", "ABORTED"]);

/** Sends copies of requests to other models, when the requests themselves have been answered, and compares the answers. */
export class Shadows {
  readonly #options: ShadowsOptions;
  readonly #random: () => number;
  /** By namespace, then by the model's name. */
  readonly #shadows = new Map<string, Map<string, Shadow>>();

  constructor(options: ShadowsOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  /** The same plane, whose requests have shadows. */
  get plane(): DataPlane {
    const { plane } = this.#options;
    return { ...plane, infer: (request) => this.#infer(request) };
  }

  /** A service has this shadow from now on, or none. What has been counted stays while its shadow is the same. */
  set(
    { namespace, name, uid }: { readonly namespace: string; readonly name: string; readonly uid: string },
    rule: ShadowRule | undefined,
  ): void {
    const names = this.#shadows.get(namespace) ?? new Map<string, Shadow>();
    const before = names.get(name);
    if (rule === undefined) {
      names.delete(name);
      if (names.size === 0) this.#shadows.delete(namespace);
      return;
    }
    const isSame = before !== undefined && before.uid === uid && shadowName(before.rule.to) === shadowName(rule.to);
    names.set(name, { uid, rule, tally: isSame ? before.tally : new Tally(), running: before?.running ?? 0 });
    this.#shadows.set(namespace, names);
  }

  reports(): ShadowReport[] {
    return [...this.#shadows].flatMap(([namespace, names]) =>
      [...names].map(([name, { rule, tally }]) => tally.report(namespace, name, rule)),
    );
  }

  #infer(request: InferRequest): Promise<InferResponse> {
    const { plane, clock } = this.#options;
    const answered = plane.infer(request);
    if (this.#shadows.size === 0) return answered;
    const { namespace, name } = request.target;
    const shadow = this.#shadows.get(namespace)?.get(name);
    if (shadow === undefined || this.#random() * 100 >= shadow.rule.percent) return answered;
    const startedAt = clock.now();
    const requestId = requestIdOf(request.context);
    void outcomeOf(answered).then((outcome) => {
      const tookMs = clock.now() - startedAt;
      // The answer is on its way before anything else happens.
      clock.afterTurn(() => void this.#copy(shadow, request, outcome, tookMs, requestId));
    });
    return answered;
  }

  async #copy(
    shadow: Shadow,
    request: InferRequest,
    primary: Outcome | "stream",
    primaryMs: number,
    id: string | undefined,
  ): Promise<void> {
    const { plane, clock, onDifference } = this.#options;
    const { tally, rule } = shadow;
    if (primary === "stream") return tally.drop("stream");
    if ("error" in primary && UNTRIED.has(ServeError.from(primary.error).code)) return;
    if (shadow.running >= MOST_RUNNING) return tally.drop("busy");
    if (bytesOf(request.payload) > MOST_BYTES) return tally.drop("size");
    const target = targetOf(request.target, rule);
    if (!this.#isLoaded(target)) return tally.drop("not_ready");
    shadow.running++;
    const startedAt = clock.now();
    try {
      const record = createRecord("shadow", target.name, startedAt);
      const context = new RequestContext({ deadline: startedAt + PATIENCE, record });
      context.priority = PRIORITY;
      if ("revision" in rule.to) context.revision = rule.to.revision;
      const { boundTo: _, ...copied } = request;
      const outcome = await outcomeOf(plane.infer({ ...copied, target, context }));
      if (outcome === "stream") return tally.drop("stream");
      if ("error" in outcome && ServeError.from(outcome.error).code === "RESOURCE_EXHAUSTED") return tally.drop("busy");
      const comparison = compareOutcomes(primary, outcome, rule.tolerance);
      const differing = tally.note(comparison, primaryMs, clock.now() - startedAt, id);
      if (differing !== undefined && isTold(differing)) {
        const { namespace, name } = request.target;
        const message = `${differing} of ${tally.compared} answers of ${shadowName(rule.to)} differ; the last: ${comparison.difference}`;
        onDifference({ namespace, name, uid: shadow.uid }, message);
      }
    } finally {
      shadow.running--;
    }
  }

  /** Nothing is loaded for a copy, and nothing goes for it. */
  #isLoaded(target: Target): boolean {
    try {
      return this.#options.registry.find(target).state === "ready";
    } catch {
      return false;
    }
  }
}

/** Never rejects. */
async function outcomeOf(answered: Promise<InferResponse>): Promise<Outcome | "stream"> {
  try {
    const { output } = await answered;
    return isStream(output) ? "stream" : { payload: output };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}

function targetOf({ namespace, name, method }: Target, { to }: ShadowRule): Target {
  const called = method === undefined ? {} : { method };
  return "service" in to ? { namespace, name: to.service, ...called } : { namespace, name, revision: to.revision, ...called };
}

/** 1, 10, 100 and so on. */
function isTold(count: number): boolean {
  return Number.isInteger(Math.log10(count));
}

/** Of what JSON holds nobody knows the size without writing it; bodies are limited. */
function bytesOf(payload: Payload): number {
  if (payload.kind === "raw") return payload.body.byteLength;
  return payload.kind === "tensors" ? payload.tensors.reduce((sum, tensor) => sum + byteSize(tensor), 0) : 0;
}

function requestIdOf({ headers }: RequestContext): string | undefined {
  const id = headers?.["x-request-id"];
  return typeof id === "string" && id !== "" ? id.slice(0, 100) : undefined;
}
