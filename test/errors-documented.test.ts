import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { CODES, ServeError } from "../src/core/errors.ts";
import { failureStatus } from "../src/protocols/kube-api/status.ts";
import { failJson } from "../src/protocols/shared/index.ts";

const page = readFileSync(fileURLToPath(new URL("../docs/errors.md", import.meta.url)), "utf8");
const rows = new Map(
  [...page.matchAll(/^\| `(\w+)` +\| (\d+) +\| (\d+) (\w+) +\| (.+?) +\|$/gm)].map(([, code = "", ...cells]) => [code, cells]),
);

it("docs/errors.md has every code and no other", () => {
  expect([...rows.keys()].sort()).toEqual([...CODES].sort());
});

it.each([...CODES])("docs/errors.md: %s has the statuses that are sent", (code) => {
  const error = new ServeError(code, "message");
  const { code: status, reason } = failureStatus(error);
  expect(rows.get(code)?.slice(0, 3)).toEqual([String(failJson(error).status), String(status), reason]);
});
