import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { ask } from "../service-process.ts";
import { expectClose } from "./format-suite.ts";

const DOCUMENTS = fileURLToPath(new URL("../../testdata/pmml/", import.meta.url));
const hasJava = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, "java")));

/** A naive Bayes model, which the evaluator in Python does not cover, in a confined host. */
describe.skipIf(!hasJava)("a document that only JPMML covers", () => {
  let folder: string;
  let server: ServerProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-jpmml-"));
    await cp(join(DOCUMENTS, "bayes.pmml"), join(folder, "bayes", "model.pmml"));
    server = await startServer([folder]);
    await untilLoaded(server);
  });

  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("is answered as JPMML answers it by itself", async () => {
    const { rows, answers } = JSON.parse(await readFile(join(DOCUMENTS, "answers.json"), "utf8"));
    const instances = rows.slice(0, 6).map(({ age, income }: { age: number; income: number }) => ({ age, income }));
    const { status, body } = await ask(server.url, "/v1/models/bayes:predict", { instances });
    expect({ status, body }).toMatchObject({ status: 200 });
    expectClose(body, { predictions: answers.bayes.slice(0, 6) }, 1e-9);
  });

  it("takes KServe's matrix without names, and answers a tensor for each field", async () => {
    const inputs = [{ name: "input-0", datatype: "FP32", shape: [1, 2], data: [30, 40] }];
    const { body } = await ask(server.url, "/v2/models/bayes/infer", { inputs });
    expect(body).toMatchObject({
      outputs: [{ name: "risk", datatype: "BYTES" }, { name: "probability(bad)" }, { name: "probability(good)" }],
    });
  });
});
