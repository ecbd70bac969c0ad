import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { blockAfter, consoleCommands, expectedOutput } from "../console-commands.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = await readFile(`${root}docs/resources.md`, "utf8");

let server: ServerProcess;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-docs-"));
  await cp(join(EXAMPLES, "iris"), join(folder, "iris"), { recursive: true });
  await writeFile(join(folder, "flowers.yaml"), blockAfter(page, "```yaml\n"));
  server = await startServer([]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

/** The page's server is at the usual address. */
it.each(consoleCommands(page))("docs/resources.md: $command", async ({ command, output }) => {
  const text = command.replaceAll("http://127.0.0.1:8080", server.url).replaceAll("./bin/nitrous", `${root}bin/nitrous`);
  const environment = { NITROUS_SERVER: server.url };
  const printed = await run(["sh", "-c", `cd '${folder}' && ${text}`], { environment });
  // The columns of a table are as wide as the port is long.
  const narrow = (table: string): string => table.replace(/ {2,}/g, "  ");
  expect(narrow(printed.trimEnd().replaceAll(server.url, "http://127.0.0.1:8080"))).toMatch(expectedOutput(narrow(output)));
});
