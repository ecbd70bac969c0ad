import { afterAll, beforeAll, expect, it } from "vitest";
import { type SentenceModel, sentenceModel } from "../../bench/sentence-model.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { ask } from "../service-process.ts";

/** The largest difference of any number of an embedding of length 1. */
const TOLERANCE = 1e-4;

let model: SentenceModel;
let server: ServerProcess;

beforeAll(async () => {
  model = await sentenceModel(() => undefined);
  const started = performance.now();
  server = await startServer([model.directory]);
  await untilLoaded(server);
  if (process.env.NITROUS_STARTS) console.log(`sentence embedding: ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);
});

afterAll(() => server?.stop());

function largestDifference(found: ReadonlyArray<readonly number[]>): number {
  const differences = model.expected.embeddings.flatMap((vector, row) =>
    vector.map((value, index) => Math.abs(value - (found[row]?.[index] ?? Number.NaN))),
  );
  return Math.max(...differences);
}

it("embeds texts as Python does, over V1 in one request", async () => {
  const { status, body } = await ask(server.url, "/v1/models/all-minilm-l6-v2:predict", { instances: model.expected.texts });
  expect(status).toBe(200);
  const difference = largestDifference((body as { predictions: number[][] }).predictions);
  if (process.env.NITROUS_STARTS) console.log(`sentence embedding: largest difference to Python ${difference.toExponential(1)}`);
  expect(difference).toBeLessThanOrEqual(TOLERANCE);
});

it("embeds texts of requests that share calls as it does alone", async () => {
  const answers = await Promise.all(
    model.expected.texts.map((text) =>
      ask(server.url, "/v2/models/all-minilm-l6-v2/infer", { inputs: [{ name: "text", datatype: "BYTES", shape: [1], data: [text] }] }),
    ),
  );
  const vectors = answers.map(({ body }) => (body as { outputs: Array<{ shape: number[]; data: number[] }> }).outputs[0]);
  expect(vectors.map((output) => output?.shape)).toEqual(vectors.map(() => [1, 384]));
  expect(largestDifference(vectors.map((output) => output?.data ?? []))).toBeLessThanOrEqual(TOLERANCE);
});

it("takes the graph's own tensors as the method forward, of any lengths at once", async () => {
  const forward = async (length: number): Promise<{ shape: number[]; data: number[] }> => {
    const filled = (name: string, value: (index: number) => number) => ({
      name,
      datatype: "INT64",
      shape: [1, length],
      data: Array.from({ length }, (_, index) => value(index)),
    });
    const ids = filled("input_ids", (index) => (index === 0 ? 101 : index === length - 1 ? 102 : 2000 + 7 * index));
    const inputs = [ids, filled("attention_mask", () => 1), filled("token_type_ids", () => 0)];
    const { status, body } = await ask(server.url, "/v2/models/all-minilm-l6-v2/methods/forward/infer", { inputs });
    expect({ status, body }).toMatchObject({ status: 200, body: { outputs: [{ name: "last_hidden_state", shape: [1, length, 384] }] } });
    return (body as { outputs: Array<{ shape: number[]; data: number[] }> }).outputs[0] as { shape: number[]; data: number[] };
  };
  const lengths = [3, 12, 5, 4, 9, 30, 6, 7];
  const together = await Promise.all(lengths.map(forward));
  for (const [index, length] of lengths.entries()) {
    const alone = await forward(length);
    const differences = alone.data.map((value, place) => Math.abs(value - (together[index]?.data[place] ?? Number.NaN)));
    expect(Math.max(...differences)).toBeLessThanOrEqual(TOLERANCE);
  }
});
