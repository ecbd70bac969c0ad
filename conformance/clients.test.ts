import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { run } from "../src/environments/run.ts";
import { pythonWith } from "../test/python-environment.ts";
import { EXAMPLES, startServer, untilLoaded } from "../test/server-process.ts";

const place = fileURLToPath(new URL("./clients/", import.meta.url));

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Fewer checks than this means that a script ended early. */
const scripts = [
  { client: "tritonclient", script: "triton_http.py", least: 162 },
  { client: "tritonclient's shared memory", script: "triton_shared_memory.py", least: 9 },
  { client: "tritonclient's extensions", script: "triton_extensions.py", least: 21 },
  { client: "kserve", script: "kserve_rest.py", least: 53 },
  { client: "cloudevents", script: "cloud_events.py", least: 3 },
];

// The scripts run while tests are collected, so that each of their checks is a test of its own.
const results = await runScripts();

for (const { client, checks, least } of results) {
  describe(client, () => {
    for (const { name, ok, detail } of checks) it(name, () => expect(ok, detail).toBe(true));
    it("ran all of its checks", () => expect(checks.length).toBeGreaterThanOrEqual(least));
  });
}

async function runScripts(): Promise<Array<{ client: string; least: number; checks: Check[] }>> {
  const requirementsText = await readFile(`${place}requirements.txt`, "utf8");
  const python = await pythonWith(requirementsText);
  const server = await startServer([EXAMPLES], ["--allow-client-shm", "true"]);
  try {
    await untilLoaded(server);
    const host = new URL(server.url).host;
    const ran = [];
    for (const { client, script, least } of scripts) {
      const output = await run([python, `${place}${script}`, host]);
      const checks = output.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Check]));
      ran.push({ client, least, checks });
    }
    return ran;
  } finally {
    await server.stop();
  }
}
