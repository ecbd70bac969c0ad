import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { blockAfter, consoleCommands, expectedOutput } from "../console-commands.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = await readFile(`${root}README.md`, "utf8");

const commands = consoleCommands(readme);

let server: ServerProcess;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-readme-"));
  await put("greeter/model.py", blockAfter(readme, "```python\n"));
  server = await startServer([EXAMPLES, folder]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

async function put(path: string, text: string): Promise<void> {
  await mkdir(join(folder, path, ".."), { recursive: true });
  await writeFile(join(folder, path), text);
}

/** The README's server is at its usual address and has only the examples. */
async function shell(command: string): Promise<string> {
  const text = command.replaceAll("http://127.0.0.1:8080", server.url).replace("./bin/nitrous", `${root}bin/nitrous`);
  const output = await run(["sh", "-c", text], { environment: { NITROUS_SERVER: server.url } });
  return output.trimEnd().replace(/,"greeter"|"greeter",/g, "");
}

it.each(commands)("README: $command", async ({ command, output }) => {
  expect(await shell(command)).toMatch(expectedOutput(output));
});

it("nothing warns on the terminal, with more models than an emitter has listeners without a warning", () => {
  expect(server.output()).toContain("10 of 10 models are ready");
  expect(server.output()).not.toContain("Warning");
});

it("README: there are commands to run", () => {
  expect(commands.length).toBeGreaterThan(8);
});
