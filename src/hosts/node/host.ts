import type { Socket } from "node:net";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import {
  decodePayload,
  encodeFrame,
  encodePayload,
  FRAME_TYPES,
  type Frame,
  FrameDecoder,
  type FrameMetadata,
  type FrameName,
  type InferMetadata,
  type LoadMetadata,
} from "../../frames/index.ts";
import { VERSION } from "../../version.ts";
import { Credit } from "./credit.ts";
import type { HostedModel, ModelCall } from "./hosted-model.ts";

/** A call while it runs. */
interface Running {
  readonly controller: AbortController;
  readonly credit: Credit;
}

/** The Node host: loads models and answers the frames of one connection (docs/frames.md). */
export class Host {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #models = new Map<number, HostedModel>();
  readonly #running = new Map<number, Running>();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  start(): void {
    this.#send("hello", 0, {
      protocol: 1,
      host: "node",
      version: VERSION,
      language: `Node ${process.version}`,
      pid: process.pid,
      credit: 1,
    });
    this.#socket.on("data", (chunk) => {
      for (const frame of this.#decoder.push(chunk)) this.#handle(frame);
    });
  }

  #handle({ type, stream, meta, blobs }: Frame): void {
    switch (type) {
      case FRAME_TYPES.load:
        void this.#guard(stream, () => this.#load(stream, meta as unknown as LoadMetadata, blobs));
        break;
      case FRAME_TYPES.infer:
        void this.#guard(stream, () => this.#infer(stream, meta as unknown as InferMetadata, decodePayload(meta, blobs)));
        break;
      case FRAME_TYPES.cancel:
        this.#running.get(stream)?.controller.abort(new ServeError("CANCELLED", "the call was cancelled"));
        break;
      case FRAME_TYPES.credit:
        this.#running.get(stream)?.credit.add(Number(meta.chunks));
        break;
      case FRAME_TYPES.ping:
        this.#send("pong", stream, {});
        break;
      case FRAME_TYPES.unload:
        void this.#guard(stream, () => this.#unload(stream));
        break;
    }
  }

  async #load(stream: number, meta: LoadMetadata, contents: readonly Uint8Array[]): Promise<void> {
    const report = (step: string): void => this.#send("progress", stream, { step });
    const { loadModel } = await import("./load-model.ts");
    const model = await loadModel(meta, contents, report);
    this.#models.set(stream, model);
    this.#send("ready", stream, { description: model.description });
  }

  async #unload(stream: number): Promise<void> {
    await this.#models.get(stream)?.close();
    this.#models.delete(stream);
    this.#send("end", stream, { computeMs: 0 });
  }

  async #infer(
    stream: number,
    { model: handle, method, outputs, parameters, lengths, credit = 1 }: InferMetadata,
    payload: Payload,
  ): Promise<void> {
    const model = this.#models.get(handle);
    if (model === undefined) throw new ServeError("NOT_FOUND", "the host has not loaded this model");
    const { methods } = model.description;
    const signature = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (signature === undefined) {
      throw new ServeError("NOT_FOUND", `the model has no method '${method}'; it has ${Object.keys(methods).join(", ")}`);
    }
    const running = { controller: new AbortController(), credit: new Credit(credit) };
    this.#running.set(stream, running);
    const call: ModelCall = {
      method,
      payload,
      outputs,
      parameters: parameters ?? {},
      signal: running.controller.signal,
      ...(lengths === undefined ? {} : { lengths }),
    };
    const started = performance.now();
    try {
      if (model.stream === undefined || signature.streaming !== true) {
        const answer = encodePayload(await model.run(call));
        this.#send("result", stream, { ...answer.meta, computeMs: performance.now() - started }, answer.blobs);
        return;
      }
      for await (const chunk of model.stream(call)) {
        await running.credit.take(call.signal);
        const { meta, blobs } = encodePayload(chunk);
        this.#send("chunk", stream, meta, blobs);
      }
      this.#send("end", stream, { computeMs: performance.now() - started });
    } finally {
      this.#running.delete(stream);
    }
  }

  /** Runs work whose every failure is an answer. */
  async #guard(stream: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const error = thrown instanceof ServeError ? thrown : new ServeError("INTERNAL", describe(thrown), { cause: thrown });
      const detail = thrown instanceof Error ? { detail: String(thrown.stack) } : {};
      this.#send("error", stream, { code: error.code, message: error.message, ...detail });
    }
  }

  #send<Name extends FrameName>(name: Name, stream: number, meta: FrameMetadata[Name], blobs: readonly Uint8Array[] = []): void {
    this.#socket.cork();
    for (const buffer of encodeFrame(FRAME_TYPES[name], stream, meta, blobs)) this.#socket.write(buffer);
    this.#socket.uncork();
  }
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : messageOf(thrown);
}
