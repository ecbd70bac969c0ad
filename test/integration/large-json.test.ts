import { afterAll, beforeAll, expect, it } from "vitest";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const ROWS = 6000;
/** About 450 KiB of JSON. */
const rows = Array.from({ length: ROWS }, (_, row) => Array.from({ length: 4 }, (_, column) => Math.sin(row * 4 + column) + 2));
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer([`${EXAMPLES}/iris-onnx`]);
  await untilLoaded(server);
});
afterAll(() => server.stop());

async function ask(path: string, body: string): Promise<{ status: number; text: string }> {
  const response = await fetch(server.url + path, { method: "POST", body });
  return { status: response.status, text: await response.text() };
}

const v1 = (instances: readonly unknown[]): string => JSON.stringify({ instances });
const v2 = (some: readonly (readonly number[])[]): string =>
  JSON.stringify({ id: "1", inputs: [{ name: "features", datatype: "FP32", shape: [some.length, 4], data: some.flat() }] });

/** The same rows in bodies and answers that are small. */
async function inPieces<Answer>(path: string, write: (some: number[][]) => string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < ROWS; from += 1000) {
    const { status, text } = await ask(path, write(rows.slice(from, from + 1000)));
    expect(status).toBe(200);
    answers.push(JSON.parse(text) as Answer);
  }
  return answers;
}

it("answers large V1 bodies as it answers the same rows in small ones", async () => {
  const path = "/v1/models/iris-onnx:predict";
  const pieces = await inPieces<{ predictions: unknown[] }>(path, v1);
  const { status, text } = await ask(path, v1(rows));
  expect(status).toBe(200);
  expect(JSON.parse(text)).toEqual({ predictions: pieces.flatMap(({ predictions }) => predictions) });
});

it("answers large V2 bodies as it answers the same rows in small ones", async () => {
  const path = "/v2/models/iris-onnx/infer";
  const pieces = await inPieces<{ outputs: Array<{ name: string; data: unknown[] }> }>(path, v2);
  const { status, text } = await ask(path, v2(rows));
  expect(status).toBe(200);
  const { id, outputs } = JSON.parse(text) as { id: string; outputs: Array<{ name: string; shape: number[]; data: unknown[] }> };
  expect(id).toBe("1");
  for (const [index, { name, data }] of outputs.entries()) {
    expect([name, data]).toEqual([pieces[0]?.outputs[index]?.name, pieces.flatMap((piece) => piece.outputs[index]?.data ?? [])]);
  }
});

it("says of large bodies what is wrong with them as it does of small ones", async () => {
  const wrong = [...rows.slice(0, 10), [1, "two", 3, 4]];
  const largeWrong = [...wrong, ...rows];
  const path = "/v1/models/iris-onnx:predict";
  const small = await ask(path, v1(wrong));
  expect(small).toMatchObject({ status: 400, text: expect.stringContaining("two") });
  expect(await ask(path, v1(largeWrong))).toEqual(small);
  expect(await ask("/v2/models/iris-onnx/infer", `${v2(rows)}x`)).toMatchObject({
    status: 400,
    text: expect.stringContaining("Unrecognized"),
  });
  expect((await ask("/v1/models/nobody:predict", v1(rows))).status).toBe(404);
});
