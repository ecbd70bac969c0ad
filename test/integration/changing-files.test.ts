import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { ask, untilService } from "../service-process.ts";

const MODEL = readFileSync(join(EXAMPLES, "iris-onnx", "model.onnx"));
const QUESTION: unknown = JSON.parse(readFileSync(join(EXAMPLES, "iris-onnx", "example.json"), "utf8"));

let root: string;
let server: ServerProcess;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "nitrous-changing-"));
  cpSync(join(EXAMPLES, "iris-onnx"), join(root, "models", "iris"), { recursive: true });
  mkdirSync(join(root, "next"));
  writeFileSync(join(root, "next", "model.onnx"), withOtherWeights());
  server = await startServer([join(root, "models")], ["--watch", "--inline", "off"]);
  await untilLoaded(server);
});
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

/** The same model with one other intercept. */
function withOtherWeights(): Buffer {
  const other = Buffer.from(MODEL);
  const at = other.indexOf("intercepts=") + "intercepts=".length;
  other.writeFloatLE(other.readFloatLE(at) + 0.5, at);
  return other;
}

async function firstProbability(name = "iris"): Promise<number | string> {
  const { status, body } = await ask(server.url, `/v2/models/${name}/infer`, QUESTION);
  const { outputs = [] } = body as { outputs?: Array<{ name: string; data: number[] }> };
  return outputs.find((output) => output.name === "probabilities")?.data[0] ?? `${status} ${JSON.stringify(body)}`;
}

it("takes changed files without failing a request, and goes on with the old ones when the new are broken", async () => {
  const before = await firstProbability();
  const failures: Array<number | string> = [];
  let answers = 0;
  let asking = true;
  const load = Promise.all(
    [1, 2, 3].map(async () => {
      while (asking) {
        const answer = await firstProbability();
        if (typeof answer === "number") answers++;
        else failures.push(answer);
        await delay(20);
      }
    }),
  );
  const file = join(root, "models", "iris", "model.onnx");
  writeFileSync(file, "this is no model");
  const { status } = await untilService(server.url, "iris", (service) => service.status?.modelStatus.lastFailureInfo !== undefined);
  expect(status?.modelStatus.lastFailureInfo?.message).toContain("not an ONNX model");
  expect(await firstProbability()).toBe(before);
  writeFileSync(file, withOtherWeights());
  await expect.poll(() => firstProbability(), { timeout: 30_000, interval: 100 }).not.toBe(before);
  asking = false;
  await load;
  expect(failures).toEqual([]);
  expect(answers).toBeGreaterThan(30);
});

it("shows its models in a table, sends copies of requests to a shadow, and says what differs", async () => {
  const service = (name: string, storageUri: string, annotations = "{}"): string =>
    `{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, metadata: {name: ${name}, annotations: ${annotations}},
      spec: {predictor: {model: {modelFormat: {name: onnx}, storageUri: "file://${storageUri}"}}}}\n---\n`;
  const file = join(root, "services.yaml");
  const shadowed = service("first", join(EXAMPLES, "iris-onnx"), '{"nitrous/shadow": "service/second"}');
  writeFileSync(file, `${service("second", join(root, "next"))}${shadowed}`);
  const on = ["--server", server.url];
  expect(await nitrous(["apply", "-f", file, "--wait", ...on])).toMatchObject({ code: 0 });
  for (let times = 0; times < 5; times++) await ask(server.url, "/v2/models/first/infer", QUESTION, { "X-Request-Id": `request-${times}` });
  const compared = async (): Promise<unknown> => {
    const [report] = (await ask(server.url, "/nitrous/shadows")).body as Array<{ results: { values: number } }>;
    return report?.results.values;
  };
  await expect.poll(compared).toBe(5);
  const [{ stdout }, top] = await Promise.all([nitrous(["describe", "first", ...on]), nitrous(["top", "--once", "--sort", "name", ...on])]);
  expect(stdout).toMatch(/Shadow\n +To: +service\/second, 100 % of the requests\n +Compared: +5: 5 values/);
  expect(stdout).toMatch(/request-4 +output probabilities\[0\]: [\d.]+ against [\d.]+/);
  expect(stdout).toContain("ShadowDiffers");
  expect(top.stdout).toMatch(/^models +3 ready$/m);
  expect(top.stdout).toMatch(/^first +\S+ +ready +1\/1 /m);
  expect((await ask(server.url, "/nitrous/top?namespace=none")).body).toMatchObject({ models: [] });
});
