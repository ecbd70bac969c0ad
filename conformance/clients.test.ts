import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEnvironments } from "../src/environments/index.ts";
import { run } from "../src/environments/run.ts";
import { EXAMPLES, type ServerProcess, STATE_DIRECTORY, startServer, untilLoaded } from "../test/server-process.ts";

const place = fileURLToPath(new URL("./clients/", import.meta.url));

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

let server: ServerProcess;
let python: string;

beforeAll(async () => {
  const requirementsText = await readFile(`${place}requirements.txt`, "utf8");
  const environments = createEnvironments({ stateDirectory: STATE_DIRECTORY });
  const making = environments.ensure({ format: "python", file: "", requirementsText, exact: false }, () => undefined);
  server = await startServer([EXAMPLES]);
  await untilLoaded(server);
  ({ python } = await making);
});

afterAll(() => server?.stop());

/** Fewer checks than this means that a script ended early. */
describe.each([
  ["tritonclient", "triton_http.py", 100],
  ["kserve", "kserve_rest.py", 38],
])("%s", (_client, script, least) => {
  it("answers every check as the frameworks themselves do", async () => {
    const output = await run([python, `${place}${script}`, new URL(server.url).host]);
    const checks = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Check);
    expect(checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`)).toEqual([]);
    expect(checks.length).toBeGreaterThanOrEqual(least);
  });
});
