import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { run } from "../src/environments/run.ts";
import { pythonWith } from "../test/python-environment.ts";
import { grpcPortOf, startServer, untilLoaded } from "../test/server-process.ts";
import { writeTritonRepository } from "./triton-repository.ts";

const place = fileURLToPath(new URL("./clients/", import.meta.url));

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

// The script runs while tests are collected, so that each of its checks is a test of its own.
const checks = await runScript();

it.each(checks)("$name", ({ ok, detail }) => expect(ok, detail).toBe(true));
it("ran all of its checks", () => expect(checks.length).toBeGreaterThanOrEqual(29));

async function runScript(): Promise<Check[]> {
  const python = await pythonWith(await readFile(`${place}requirements.txt`, "utf8"));
  const folder = await mkdtemp(join(tmpdir(), "nitrous-triton-repository-"));
  await writeTritonRepository(folder);
  const server = await startServer([folder], ["--profile", "triton", "--model-control", "explicit", "--load-model", "*"]);
  try {
    await untilLoaded(server);
    const output = await run([python, `${place}triton_repository.py`, new URL(server.url).host, `127.0.0.1:${grpcPortOf(server)}`]);
    return output.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Check]));
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
}
