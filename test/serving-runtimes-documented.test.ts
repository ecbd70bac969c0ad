import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { containerFields } from "../src/resources/schema/container.ts";
import { clusterServingRuntimeSchema } from "../src/resources/schema/serving-runtime.ts";
import { SERVER_ANNOTATIONS } from "../src/resources/server-annotations.ts";
import { CONTAINER_FIELDS } from "../src/resources/server-fields.ts";

const text = readFileSync(fileURLToPath(new URL("../docs/serving-runtimes.md", import.meta.url)), "utf8");

/** Names in the first column below a heading, with what stands beside them. */
function rowsBelow(heading: string): Array<readonly [name: string, effect: string]> {
  const section = text.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => {
      const [, names = "", effect = ""] = line.split(" | ").length > 1 ? (/^\| (.*?) \| (.*?) *\|$/.exec(line) ?? []) : [];
      return [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => [name, effect.trim()] as const);
    });
}

it("lists every field of containers, and those in effect as such", () => {
  const rows = rowsBelow("What a container says");
  expect(rows.map(([name]) => name).sort()).toEqual(["name", ...Object.keys(containerFields)].sort());
  const inEffect = rows.filter(([, effect]) => !effect.startsWith("none")).map(([name]) => name);
  expect(inEffect.sort()).toEqual([...CONTAINER_FIELDS].sort());
});

it("lists every field of runtimes", () => {
  const spec = clusterServingRuntimeSchema.shape.spec as unknown as { readonly shape: object };
  expect(
    rowsBelow("What a runtime says")
      .map(([name]) => name)
      .sort(),
  ).toEqual(Object.keys(spec.shape).sort());
});

it("lists every annotation", () => {
  expect(
    rowsBelow("Annotations")
      .map(([name]) => name)
      .sort(),
  ).toEqual([...SERVER_ANNOTATIONS].sort());
});
