import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ServeError } from "../../src/core/errors.ts";
import { decodePayload, encodeFrame, FrameDecoder } from "../../src/frames/index.ts";
import { MessageReader, readInferMessage, readInferResponse, readStreamResponse } from "../../src/grpc-messages/index.ts";
import { withUpstreamMetrics } from "../../src/observability/upstream-families.ts";
import { decodePredict } from "../../src/protocols/kserve-v1/decode.ts";
import { decodeMessage } from "../../src/protocols/oip/grpc/decode.ts";
import { decodeInfer } from "../../src/protocols/oip/rest/decode.ts";
import { readDocuments, toInferenceService, toServingRuntime, toTrainedModel, validateDocument } from "../../src/resources/index.ts";
import { BodyMemory } from "../../src/server/body-memory.ts";
import { DEFAULT_LIMITS } from "../../src/storage/archive/limits.ts";
import { type ArchiveFormat, unpack } from "../../src/storage/archive/unpack.ts";
import type { PythonReader } from "./python-reader.ts";

/** Something that reads what strangers send. */
export interface Target {
  readonly name: string;
  /** Milliseconds of processor time that one input may take. */
  readonly patience: number;
  /** Returns for an input that is fine or refused with a typed error. @throws what is a finding */
  read(input: Uint8Array): Promise<void> | void;
}

/** @throws what is no ServeError, and those that say that the server itself is at fault */
function refusing(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ServeError) || error.code === "INTERNAL" || error.code === "UNKNOWN") throw error;
  }
}

async function unpacked(input: Uint8Array, format: ArchiveFormat): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), "nitrous-fuzz-"));
  try {
    const folder = join(parent, "inside");
    await mkdir(folder);
    const file = join(parent, `a.${format === "tar" ? "tar" : "zip"}`);
    await writeFile(file, input);
    const limits = { ...DEFAULT_LIMITS, bytes: 8 * 1024 * 1024, entries: 1000 };
    await unpack(file, format, folder, limits, AbortSignal.timeout(10_000)).catch((error: unknown) => {
      if (!(error instanceof ServeError) || error.code === "INTERNAL") throw error;
    });
    const outside = (await readdir(parent)).filter((name) => name !== "inside" && !name.startsWith("a."));
    if (outside.length > 0) throw new Error(`the archive wrote outside of its folder: ${outside.join(", ")}`);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

/** What clients of gRPC send on a stream, whatever becomes of the messages. */
function readMessages(input: Uint8Array): void {
  const memory = new BodyMemory(1024 * 1024);
  const reader = new MessageReader(
    64 * 1024,
    () => memory.open(),
    ({ bytes, account }) => {
      account.release();
      refusing(() => decodeMessage(readInferMessage(bytes)));
    },
  );
  try {
    // In two parts: a message may come in any.
    const middle = input.byteLength >> 1;
    reader.push(input.subarray(0, middle));
    reader.push(input.subarray(middle));
  } catch (error) {
    // What is no prefix is the client's fault, and gRPC has this code for it.
    if (!(error instanceof ServeError) || !["INTERNAL", "RESOURCE_EXHAUSTED"].includes(error.code)) throw error;
  }
  reader.clear();
  if (memory.held !== 0) throw new Error(`${memory.held} bytes are held for nobody`);
}

/** What can be written again: 1e999 is JSON and infinite when it is read, and JSON has no infinity. */
function writable(value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) return null;
  if (Array.isArray(value)) return value.map(writable);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, writable(member)]));
}

/** Frames as they mean the same in both languages; undefined when they cannot be read. */
function framesIn(input: Uint8Array): unknown[] | undefined {
  let frames: unknown[] | undefined;
  refusing(() => {
    const read = new FrameDecoder().push(input);
    for (const { meta, blobs } of read) refusing(() => decodePayload(meta, blobs));
    for (const { type, stream, meta, blobs } of read) {
      const again = new FrameDecoder().push(Buffer.concat(encodeFrame(type, stream, meta, blobs)))[0];
      if (!isDeepStrictEqual(again?.meta, writable(meta)) || again?.stream !== stream)
        throw new Error("a frame is another one after a round trip");
    }
    frames = read.map(({ type, stream }) => [type, stream]);
  });
  return frames;
}

export function targets(python: PythonReader | undefined): Target[] {
  const own: Target[] = [
    { name: "v1-json", patience: 1_000, read: (input) => refusing(() => decodePredict(input)) },
    // What models' own servers answer: over gRPC, and of their metrics.
    {
      name: "grpc-answers",
      patience: 1_000,
      read(input) {
        refusing(() => readInferResponse(input));
        refusing(() => readStreamResponse(input));
      },
    },
    {
      name: "expositions",
      patience: 1_000,
      read(input) {
        const labels = { namespace: "default", model: "iris", runtime: "mine", replica: "0" };
        withUpstreamMetrics("# HELP a A.\n# TYPE a gauge\na 1\n", [{ labels, text: Buffer.from(input).toString(), seconds: 1 }]);
      },
    },
    { name: "v2-json", patience: 1_000, read: (input) => refusing(() => decodeInfer(input, {})) },
    {
      name: "v2-binary",
      patience: 1_000,
      // The first two bytes say how long the JSON is.
      read: (input) =>
        refusing(() => {
          const length = (input[0] ?? 0) + 256 * (input[1] ?? 0);
          decodeInfer(input.subarray(2), { "inference-header-content-length": String(length) });
        }),
    },
    { name: "grpc-infer", patience: 1_000, read: (input) => refusing(() => decodeMessage(readInferMessage(input))) },
    { name: "grpc-messages", patience: 1_000, read: (input) => refusing(() => readMessages(input)) },
    {
      name: "resources",
      patience: 3_000,
      read: (input) =>
        refusing(() => {
          for (const { value, lineOf } of readDocuments(Buffer.from(input).toString("utf8"), "fuzz")) {
            refusing(() => {
              const document = validateDocument(value, { lineOf });
              if (document.kind === "InferenceService") toInferenceService(document);
              else if (document.kind === "TrainedModel") toTrainedModel(document);
              else toServingRuntime(document);
            });
          }
        }),
    },
    { name: "tar", patience: 5_000, read: (input) => unpacked(input, "tar") },
    { name: "zip", patience: 5_000, read: (input) => unpacked(input, "zip") },
  ];
  if (python === undefined) return [...own, { name: "frames", patience: 1_000, read: (input) => void framesIn(input) }];
  return [
    ...own,
    {
      name: "frames",
      patience: 1_000,
      async read(input) {
        const here = framesIn(input);
        const there = await python.ask("frames", input);
        if (there.finding !== undefined) throw new Error(`the Python codec: ${there.finding}`);
        if (!isDeepStrictEqual(there.value, here ?? null)) {
          throw new Error(`Python reads ${JSON.stringify(there.value)}, and TypeScript ${JSON.stringify(here ?? null)}`);
        }
      },
    },
    {
      name: "pickles",
      patience: 10_000,
      async read(input) {
        const { finding } = await python.ask("pickle", input);
        if (finding !== undefined) throw new Error(`the pickle gate: ${finding}`);
      },
    },
  ];
}
