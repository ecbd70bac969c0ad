import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");

const page = read("../docs/clients.md");
const scripts = readdirSync(fileURLToPath(new URL("../conformance/clients", import.meta.url)));
/** Programs there, without the modules that they share. */
const programs = scripts.filter(
  (name) => /\.(py|mjs)$/.test(name) && !["checks.py", "expected.py", "fuzz_hooks.py", "triton_checks.py"].includes(name),
);
const folder = new URL("../conformance/", import.meta.url);
const tests = readdirSync(fileURLToPath(folder))
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => read(`../conformance/${name}`))
  .join("\n");
const rows = page.split("\n").filter((line) => line.startsWith("| ") && !/^\| (client|program|test|-)/.test(line));

describe("docs/clients.md", () => {
  it.each(programs)("names %s, and a test runs it", (program) => {
    expect(page).toContain(`\`${program}\``);
    expect(tests).toContain(program);
  });

  it("names no script that is not there", () => {
    const [, clients = ""] = page.split("## Clients");
    const named = [...(clients.split("\n## ")[0] ?? "").matchAll(/`(\w+\.(?:py|mjs))`/g)].map(([, name]) => name);
    expect(named.filter((name) => !programs.includes(name ?? ""))).toEqual([]);
  });

  it.each(rows)("gives a reason: %s", (row) => {
    const cells = row.split("|").slice(1, -1);
    expect(cells.map((cell) => cell.trim() !== "")).toEqual([true, true]);
  });
});
