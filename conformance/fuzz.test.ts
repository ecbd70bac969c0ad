import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { pythonWith } from "../test/python-environment.ts";
import { listedServerErrors } from "../test/server-errors.ts";
import { EXAMPLES, startServer, untilLoaded } from "../test/server-process.ts";

const hooks = fileURLToPath(new URL("./clients/", import.meta.url));

/** Requests of each route; with them it takes about a minute. */
const EXAMPLES_OF_EACH = "10";
/** Two at once meet a race of CPython's parser (gh-106905), which Python 3.11.7 still has. */
const ONE_WORKER = "1";
/** After these a model does not answer, or there are more of it than the machine has room for: they come last. */
const TAKES_AWAY = "/(drain|evict|unload|scale)$";
/** A key that somebody makes closes the server to everybody without one. */
const KEYS = "^/nitrous/keys$";
const CHECKS = "listed_server_error,response_schema_conformance,status_code_conformance,content_type_conformance";

it("finds no crash, no request without an answer, no answer that is not described, and no fault that is not listed", async () => {
  const python = await pythonWith("schemathesis==4.32.5");
  const folder = await mkdtemp(join(tmpdir(), "nitrous-fuzz-"));
  const server = await startServer([join(EXAMPLES, "iris-onnx"), join(EXAMPLES, "countdown")], ["--allow-client-shm", "true"]);
  try {
    await untilLoaded(server);
    const document = join(folder, "openapi.json");
    await writeFile(document, await (await fetch(`${server.url}/openapi.json`)).text());
    const fuzz = async (...paths: string[]): Promise<void> => {
      const effort = [
        "--phases",
        "fuzzing",
        "-n",
        EXAMPLES_OF_EACH,
        "-w",
        ONE_WORKER,
        "--no-shrink",
        "--continue-on-failure",
        "--request-timeout",
        "30",
      ];
      const words = ["-m", "schemathesis.cli", "run", document, "-u", server.url, "-c", CHECKS, "--warnings", "off", ...effort, ...paths];
      const environment = {
        PYTHONPATH: hooks,
        SCHEMATHESIS_HOOKS: "fuzz_hooks",
        LISTED_SERVER_ERRORS: JSON.stringify(listedServerErrors()),
      };
      const child = spawn(python, words, { cwd: folder, env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      const [code] = (await once(child, "close")) as [number | null];
      expect(code, output).toBe(0);
    };
    await fuzz("--exclude-path-regex", `${KEYS}|${TAKES_AWAY}`);
    await fuzz("--include-path-regex", TAKES_AWAY);
    expect(server.child.exitCode).toBe(null);
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    expect(server.output()).not.toMatch(/internal error|unhandled/i);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
});
