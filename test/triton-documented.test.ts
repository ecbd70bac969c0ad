import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DescMessage } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ModelConfigSchema } from "../src/grpc-messages/index.ts";

const page = readFileSync(fileURLToPath(new URL("../docs/triton.md", import.meta.url)), "utf8");

/** Fields in the first column of the table; one that begins with a point is beside the one before it. */
function documentedFields(): string[] {
  const rows = page.split("\n").slice(page.split("\n").indexOf("## config.pbtxt"));
  const end = rows.indexOf("## Backends");
  return rows.slice(0, end).flatMap((row) => {
    const cell = /^\| (`[^|]+) \|/.exec(row)?.[1];
    let folder = "";
    return [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, name = ""]) => {
      const path = name.startsWith(".") ? `${folder}${name}` : name;
      folder = path.slice(0, Math.max(0, path.lastIndexOf(".")));
      return path;
    });
  });
}

/** Every field that holds no others, by its path. */
function leaves({ fields }: DescMessage, above: readonly string[] = [], path: readonly string[] = []): string[] {
  return fields.flatMap((field) => {
    const own = [...path, field.name];
    const { message } = field;
    const isDeeper = message !== undefined && !above.includes(message.typeName);
    return isDeeper ? leaves(message, [...above, message.typeName], own) : [own.join(".")];
  });
}

describe("the table of config.pbtxt in docs/triton.md", () => {
  const documented = documentedFields();
  const all = leaves(ModelConfigSchema);

  it("has every field of ModelConfig, alone or with what it is a part of", () => {
    const covers = (leaf: string): boolean => documented.some((name) => leaf === name || leaf.startsWith(`${name}.`));
    expect(all.filter((leaf) => !covers(leaf))).toEqual([]);
  });

  it("has no other ones, and each once", () => {
    expect(documented.filter((name) => !all.some((leaf) => leaf === name || leaf.startsWith(`${name}.`)))).toEqual([]);
    expect(new Set(documented).size).toBe(documented.length);
  });
});
