import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { BUILT_IN_RUNTIMES } from "../src/built-in-runtimes.ts";
import { readBuiltInRuntimes } from "../src/resources/index.ts";
import { runtimeConfigurations, SERVER_PROGRAMS } from "../src/runtimes/index.ts";
import { runtimeConfigurationSchema } from "../src/settings.ts";

const page = readFileSync(new URL("../docs/runtimes.md", import.meta.url), "utf8");
/** First cells of the tables of the page. */
const firstCells = page.split("\n").flatMap((line) => /^\| (`[^|]*`) *\|/.exec(line)?.[1] ?? []);
const named = new Set(firstCells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name)));

it("docs/runtimes.md lists every built-in runtime that is a server of others, with its formats", () => {
  for (const { metadata, spec } of readBuiltInRuntimes(BUILT_IN_RUNTIMES)) {
    if (metadata.annotations?.["nitrous/program"] === undefined) continue;
    expect([...named]).toContain(metadata.name);
    const row = page.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${metadata.name}\``));
    for (const { name } of spec.supportedModelFormats as { name: string }[]) expect(row, metadata.name).toContain(`\`${name}\``);
  }
});

it("docs/runtimes.md says what installs each server", () => {
  const machine = { system: "linux", arch: "x64", hasNvidia: true, processorFlags: new Set<string>() };
  for (const program of SERVER_PROGRAMS) {
    const isInstallable = typeof program.install(machine) !== "string";
    expect(page.includes(`nitrous runtimes install ${program.name}\``), program.name).toBe(isInstallable);
  }
});

it("docs/runtimes.md lists every configuration, and what one of a user's own may say", () => {
  for (const { name } of runtimeConfigurations({})) expect(page).toContain(`\`${name}\``);
  for (const key of Object.keys(runtimeConfigurationSchema.shape)) expect([...named]).toContain(key);
});
