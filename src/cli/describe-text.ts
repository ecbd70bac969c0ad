import { shortDuration } from "./age.ts";
import type { ApiObject } from "./api-objects.ts";
import type { Style } from "./paint.ts";
import { plain } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export type Field = readonly [label: string, value: string | undefined, style?: Style | undefined];

const INDENT = "  ";

/** Labels and values in two columns; fields without a value are left out, and values of many lines stay in their column. */
export function renderFields(fields: readonly Field[], { paint }: Terminal, indent = ""): string {
  const shown = fields.filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(0, ...shown.map(([label]) => label.length + 1));
  const lines = shown.flatMap(([label, value = "", style]) => {
    const [first = "", ...others] = plain(value).trimEnd().split("\n");
    const gap = " ".repeat(width + INDENT.length);
    return [
      `${indent}${`${label}:`.padEnd(width)}${INDENT}${paint(style, first)}`,
      ...others.map((line) => `${indent}${gap}${paint(style, line)}`),
    ];
  });
  return joined(lines);
}

/** A title and what belongs below it; empty when that is. */
export function renderSection(title: string, body: string, { paint }: Terminal): string {
  return body === "" ? "" : `\n${paint("bold", title)}\n${body}`;
}

/** One line each behind a mark; later lines of a text stand below its first. */
export function renderItems(
  items: readonly { readonly mark: string; readonly text: string; readonly style?: Style | undefined }[],
  { paint }: Terminal,
): string {
  const lines = items.flatMap(({ mark, text, style }) => {
    const [first = "", ...others] = plain(text).trimEnd().split("\n");
    return [`${INDENT}${paint(style, mark)} ${first}`, ...others.map((line) => `${INDENT}  ${line}`)];
  });
  return joined(lines);
}

/** A text of any number of lines, moved in. */
export function indented(text: string, columns = INDENT.length): string {
  return joined(
    plain(text)
      .trimEnd()
      .split("\n")
      .map((line) => `${" ".repeat(columns)}${line}`.trimEnd()),
  );
}

/** What every kind has: labels, annotations, when it was made. */
export function metadataFields({ metadata }: ApiObject, now: number): Field[] {
  return [
    ["Labels", pairs(metadata.labels)],
    ["Annotations", pairs(metadata.annotations)],
    ["Created", moment(metadata.creationTimestamp, now)],
  ];
}

/** A time and how long ago that was; undefined for none and for 1970, which what was never created has. */
export function moment(time: string | undefined, now: number): string | undefined {
  const then = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(then) || then === 0 ? undefined : `${time} (${shortDuration(now - then)} ago)`;
}

function pairs(map: Readonly<Record<string, string>> | undefined): string | undefined {
  return map === undefined
    ? undefined
    : Object.entries(map)
        .map(([key, value]) => `${key}=${value}`)
        .join("\n");
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
