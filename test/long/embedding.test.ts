import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { consoleCommands, expectedOutput } from "../console-commands.ts";
import { CACHE_DIRECTORY } from "../server-process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = await Promise.all(["embedding", "model-handles"].map((name) => readFile(`${root}docs/${name}.md`, "utf8")));
const commands = pages.flatMap(consoleCommands);

/** A program's folder, with nitrous as it is packed. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-embedding-"));
  const packed = await run(["sh", "-c", `cd '${root}' && npm pack --silent --pack-destination '${folder}'`]);
  await mkdir(join(folder, "node_modules/nitrous"), { recursive: true });
  await run(["tar", "-xzf", join(folder, packed.trim()), "-C", join(folder, "node_modules/nitrous"), "--strip-components", "1"]);
  // Hosts that are confined see these folders; that everything in them is declared is for knip to say.
  await symlink(join(root, "node_modules"), join(folder, "node_modules/nitrous/node_modules"));
  await mkdir(join(folder, "node_modules/@types"));
  await symlink(join(root, "node_modules/@types/node"), join(folder, "node_modules/@types/node"));
  // Environments are kept in the home folder.
  await symlink(CACHE_DIRECTORY, join(folder, ".nitrous"));
  await cp(`${root}examples/models`, join(folder, "models"), { recursive: true });
  await cp(`${root}examples/embedded/main.ts`, join(folder, "embedded/main.ts"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  const compilerOptions = {
    ...{ target: "es2023", module: "nodenext", strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true },
    ...{ noEmit: true, types: ["node"], lib: ["es2023", "esnext.disposable"] },
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts", "embedded"] }));
  for (const [, file = "", text = ""] of pages.join("\n").matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```/gm))
    await writeFile(join(folder, file), text);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function tsx(program: string): Promise<string> {
  const command = `cd '${folder}' && '${process.execPath}' --import '${import.meta.resolve("tsx")}' '${program}'`;
  return run(["sh", "-c", command], { environment: { HOME: folder } });
}

it("the programs of the pages and the example have the types that the package promises", async () => {
  expect((await readdir(folder)).filter((name) => name.endsWith(".ts"))).toHaveLength(commands.length);
  expect(await run([`${root}node_modules/.bin/tsc`, "-p", folder])).toBe("");
});

it.each(commands)("$command", async ({ command, output }) => {
  const printed = await tsx(command.replace("npx tsx ", ""));
  expect(printed.trimEnd()).toMatch(expectedOutput(output));
});

it("examples/embedded", async () => {
  expect(await tsx("embedded/main.ts")).toMatch(/lengths \[ 2, 2 \]\niris 0n\niris 2n\nover HTTP \{/);
});
