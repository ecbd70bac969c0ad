import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createManifestFolder, type ManifestFolder, serviceText } from "../manifest-files.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { ask, isReady, serviceAt, untilService } from "../service-process.ts";

/** Old and new version of the example disagree about this flower. */
const FLOWER = { instances: [[6.3, 2.8, 5.1, 1.5]] };

let folder: ManifestFolder;
let server: ServerProcess;

beforeAll(async () => {
  folder = await createManifestFolder();
  // Beside the models: the folder has both.
  await folder.write("models/watched.yaml", serviceText({ name: "watched", format: "sklearn", uri: "iris/1" }));
  await folder.write("models/wrong.yaml", `${serviceText({ name: "half", format: "onnx", uri: "iris-onnx" })}---\nkind: Nothing\n`);
  server = await startServer([folder.models], ["--watch"]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await folder?.remove();
});

async function predict(name: string): Promise<unknown> {
  return (await ask(server.url, `/v1/models/${name}:predict`, FLOWER)).body;
}

async function untilSaid(text: RegExp): Promise<void> {
  while (!text.test(server.output())) await delay(50);
}

it("serves the models and the resources of one folder, and names the file and line of what is wrong", async () => {
  expect(await predict("iris")).toEqual({ predictions: [1] });
  expect(await predict("watched")).toEqual({ predictions: [2] });
  expect(server.output()).toMatch(/Not served:\n(.*\n)*.*wrong\.yaml:\d+: .*Nothing/);
  // The rest of that file is applied all the same.
  expect((await ask(server.url, "/v1/models/half")).status).toBe(200);
});

it("shows which services were applied and which come from the command line", async () => {
  const origins = await Promise.all(
    ["iris", "watched"].map(async (name) => (await serviceAt(server.url, name))?.status?.nitrous as { origin?: string }),
  );
  expect(origins.map(({ origin }) => origin)).toEqual(["command line", "applied"]);
});

it("applies a file again when it has changed", async () => {
  await folder.write("models/watched.yaml", serviceText({ name: "watched", format: "sklearn", uri: "iris/2" }));
  await untilService(server.url, "watched", (service) => service.metadata.generation === 2 && isReady(service));
  expect(await predict("watched")).toEqual({ predictions: [1] });
});

it("says what is wrong with a changed file, and goes on with what was applied before", async () => {
  await folder.write("models/watched.yaml", "kind: InferenceService\nmetadata: {name: [watched\n");
  await untilSaid(/watched\.yaml:\d+/);
  expect(await predict("watched")).toEqual({ predictions: [1] });
  await folder.write("models/watched.yaml", serviceText({ name: "watched", format: "sklearn", uri: "iris/1" }));
  await untilService(server.url, "watched", (service) => service.metadata.generation === 3 && isReady(service));
  expect(await predict("watched")).toEqual({ predictions: [2] });
});
