import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Bytecode } from "../../src/environments/bytecode.ts";
import { createEnvironments } from "../../src/environments/index.ts";
import { run } from "../../src/environments/run.ts";
import { CACHE_DIRECTORY, EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const HOST = fileURLToPath(new URL("../../python/nitrous_host", import.meta.url));
let folder: string;
let server: ServerProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-bytecode-"));
});
afterEach(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

it("is compiled once for an environment, and read by confined hosts that then write none of their own", async () => {
  const file = join(EXAMPLES, "iris/2/model.joblib");
  const { python } = await createEnvironments({ directory: CACHE_DIRECTORY }).ensure(
    { format: "sklearn", file, exact: false, trusted: false },
    () => undefined,
  );
  // Of the environment only the host's modules are compiled here: all of scikit-learn's would take half a minute.
  const environment = join(python, "../../..");
  const bytecode = new Bytecode(undefined, [HOST]);
  await mkdir(join(folder, "env/venv/lib"), { recursive: true });
  await run(["ln", "-s", join(environment, "venv/bin"), join(folder, "env/venv/bin")]);
  expect(bytecode.of(join(folder, "env"))).toBeUndefined();
  await bytecode.compile(join(folder, "env"));
  const compiled = bytecode.of(join(folder, "env")) as string;
  expect((await readdir(join(compiled, HOST))).some((name) => /^host\.cpython-\d+\.pyc$/.test(name))).toBe(true);

  // A cache of its own, whose only environment is the real one with that byte code.
  const cache = join(folder, "cache");
  const name = environment.split("/").at(-1) as string;
  await mkdir(join(cache, "environments", name), { recursive: true });
  await run(["ln", "-s", join(environment, "venv"), join(cache, "environments", name, "venv")]);
  await cp(join(environment, "environment.json"), join(cache, "environments", name, "environment.json"));
  await cp(compiled, join(cache, "environments", name, "bytecode"), { recursive: true });
  server = await startServer([join(EXAMPLES, "iris/2")], ["--cache-dir", cache]);
  await untilLoaded(server);
  const answer = await fetch(`${server.url}/v1/models/2:predict`, { method: "POST", body: '{"instances":[[5.1,3.5,1.4,0.2]]}' });
  expect(await answer.json()).toEqual({ predictions: [0] });
  expect((await readdir(join(cache, "environments"))).filter((each) => !each.endsWith(".lock"))).toEqual([name]);
  expect((await readdir(join(cache, "bytecode-confined"), { recursive: true })).filter((each) => each.endsWith(".pyc"))).toEqual([]);
});
