import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Rows of three cells: what may happen, what follows, and the tests. */
function rowsOf(page: string): string[][] {
  return readFileSync(join(root, "docs", page), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (event|class|-)/.test(line))
    .map((line) => line.split("|").slice(1, -1))
    .filter((cells) => cells.length === 3);
}

/** `file: name of the test` */
const TEST = /`([\w./-]+): ([^`]+)`/g;

describe.each(["promises.md", "attacks.md"])("docs/%s", (page) => {
  const rows = rowsOf(page);

  it("has an event, a promise and a test in each row", () => {
    expect(rows.length).toBeGreaterThan(15);
    for (const cells of rows) expect(cells.map((cell) => cell.trim() !== "")).toEqual([true, true, true]);
  });

  it.each(rows.map((cells) => [cells[0]?.trim(), cells[2] ?? ""]))("%s: its tests are there", (_, cell) => {
    const named = [...cell.matchAll(TEST)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, file = "", name = ""] of named) {
      const source = readFileSync(join(root, file), "utf8");
      const isThere = file.endsWith(".py") ? source.includes(`def ${name}(`) : source.includes(`"${name}"`);
      expect({ file, name, isThere }).toEqual({ file, name, isThere: true });
    }
  });
});
