import { stringify } from "yaml";
import { CliError } from "./errors.ts";

/** Whole words for `-o`. */
export function parseOutput<Format extends string>(value: string | undefined, formats: readonly Format[]): Format | undefined {
  if (value === undefined) return undefined;
  const format = formats.find((each) => each === value);
  if (format === undefined) throw new CliError(`--output ${value}: expected ${formats.join(", ")}`, 2);
  return format;
}

/** One value for machines. Texts that YAML 1.1 takes for times or booleans are quoted: many tools still read that version. */
export function printValue(value: unknown, format: "json" | "yaml"): string {
  return format === "json"
    ? `${JSON.stringify(value, undefined, 2)}\n`
    : stringify(value, { schema: "yaml-1.1", lineWidth: 0, aliasDuplicateObjects: false });
}

/** Several resources as one, as kubectl gives them. */
export function toList(items: readonly unknown[]): unknown {
  return { apiVersion: "v1", kind: "List", metadata: {}, items };
}
