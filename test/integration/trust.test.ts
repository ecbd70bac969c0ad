import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

let folder: string;
let server: ServerProcess;

/** Each would make the file of its name. */
const ATTACKS = ["refused", "trusted-by-flag", "trusted-by-annotation", "not-trusted-service"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-trust-"));
  for (const name of ATTACKS) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "model.pkl"), `cos\nsystem\n(Vtouch '${join(folder, "made-by-")}${name}'\ntR.`);
  }
  await writeFile(join(folder, "a.yaml"), service("trusted-by-annotation", "pickle"));
  await writeFile(join(folder, "b.yaml"), service("not-trusted-service", undefined));
  await writeFile(join(folder, "c.yaml"), service("misspelt", "everything"));
  // Modules beside a model that nobody trusts.
  await cp(join(EXAMPLES, "wine"), join(folder, "wine"), { recursive: true });
  const code = `open(${JSON.stringify(join(folder, "made-by-wine"))}, "w")`;
  for (const module of ["pickle", "joblib", "numpy", "sklearn"]) await writeFile(join(folder, "wine", `${module}.py`), code);
  const paths = ["refused", "trusted-by-flag", "wine", "a.yaml", "b.yaml", "c.yaml"].map((name) => join(folder, name));
  server = await startServer(paths, ["--trust", "another", "--trust", "trusted-by-flag,yet-another"]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

function service(name: string, trust: string | undefined): string {
  return `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ${name}
  annotations: { ${trust === undefined ? "" : `nitrous/trust: ${trust}`} }
spec: { predictor: { model: { modelFormat: { name: sklearn }, storageUri: "./${name}" } } }
`;
}

function isMade(name: string): boolean {
  return existsSync(join(folder, `made-by-${name}`));
}

async function answer(name: string): Promise<string> {
  return (await fetch(`${server.url}/v1/models/${name}:predict`, { method: "POST", body: '{"instances": [[1]]}' })).text();
}

it("refuses what a pickle names and tells how to trust it", async () => {
  for (const name of ["refused", "not-trusted-service"]) {
    expect(await answer(name)).toContain("model.pkl was refused: it refers to os.system, which could run code when it is loaded");
    expect(await answer(name)).toContain(`nitrous serve --trust ${name}`);
    expect(isMade(name)).toBe(false);
  }
});

it("loads what is trusted by a flag or an annotation", async () => {
  for (const name of ["trusted-by-flag", "trusted-by-annotation"]) {
    expect(await answer(name)).toContain("the file holds a builtins.int");
    expect(isMade(name)).toBe(true);
  }
});

it("takes no other word for trust", async () => {
  const said = await (await fetch(`${server.url}/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices/misspelt`)).text();
  expect(said).toContain("InvalidPredictorSpec");
  expect(said).toContain("expected pickle, code, or sha256: and 64 hexadecimal digits");
});

it("imports no module beside an estimator that is not trusted", async () => {
  expect((await fetch(`${server.url}/v2/models/wine/ready`)).status).toBe(200);
  expect(isMade("wine")).toBe(false);
});
