import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { run } from "../src/environments/run.ts";
import { pythonWith } from "../test/python-environment.ts";
import { EXAMPLES, grpcPortOf, startServer, untilLoaded } from "../test/server-process.ts";

const place = fileURLToPath(new URL("./clients/", import.meta.url));
const protos = fileURLToPath(new URL("../proto/", import.meta.url));

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
  { client: "tritonclient over gRPC", script: "triton_grpc.py", least: 52, grpc: true },
  { client: "grpcio's health checks and reflection", script: "grpc_services.py", least: 7, grpc: true },
  { client: "kserve", script: "kserve_rest.py", least: 53 },
  { client: "kserve over gRPC", script: "kserve_grpc.py", least: 19, grpc: true },
  { client: "@grpc/grpc-js", script: "node_grpc.mjs", least: 6, grpc: true },
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
    const grpcHost = `127.0.0.1:${grpcPortOf(server)}`;
    const ran = [];
    for (const { client, script, least, grpc = false } of scripts) {
      const program = script.endsWith(".py") ? [python, `${place}${script}`] : [process.execPath, `${place}${script}`];
      const output = await run([...program, grpc ? grpcHost : host, protos]);
      const checks = output.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Check]));
      ran.push({ client, least, checks });
    }
    return ran;
  } finally {
    await server.stop();
  }
}
