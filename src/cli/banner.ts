import { styleText } from "node:util";
import type { ModelStatus } from "../core/model.ts";
import type { ControlPlane } from "../core/planes.ts";

/** What a person needs when the server is up: which models answer, where, and one line to try each with. */
export function banner(controlPlane: ControlPlane, url: string, colour: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string => (colour ? styleText(style, text) : text);
  const statuses = controlPlane.list();
  const ready = statuses.filter(({ state }) => state === "ready");
  const lines = ["", paint("bold", `${ready.length} of ${statuses.length} models are ready at ${url}`), ""];
  for (const status of statuses) lines.push(...describe(status, url, paint));
  const rejections = controlPlane.rejections();
  if (rejections.length > 0) lines.push(paint("bold", "Not served:"));
  for (const { path, reason } of rejections) lines.push(`  ${path}: ${reason}`);
  return `${lines.join("\n")}\n`;
}

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

function describe(status: ModelStatus, url: string, paint: Paint): string[] {
  const { name, version, format, state, reason, latest, description } = status;
  const title = `${paint("bold", name)} ${paint("dim", `version ${version}, ${format}`)}`;
  if (state !== "ready") return [`${paint("red", "✗")} ${title}: ${state}`, ...reason.split("\n").map((line) => `    ${line}`), ""];
  const path = latest ? `/v2/models/${name}` : `/v2/models/${name}/versions/${version}`;
  const lines = [`${paint("green", "✓")} ${title}`, `    ${url}${path}`];
  const command = curl(status, url, path);
  if (command !== undefined) lines.push(`    ${command}`);
  for (const warning of description?.warnings ?? []) lines.push(`    ${paint("yellow", "!")} ${warning}`);
  return [...lines, ""];
}

function curl({ name, version, latest, description }: ModelStatus, url: string, path: string): string | undefined {
  const example = description?.example;
  if (typeof example !== "object" || example === null) return undefined;
  const body = JSON.stringify(example, (_key, value: unknown) => (typeof value === "bigint" ? Number(value) : value)).replaceAll(
    "'",
    "'\\''",
  );
  const v1 = "instances" in example;
  const target = v1 ? `/v1/models/${name}${latest ? "" : `/versions/${version}`}:predict` : `${path}/infer`;
  return `curl -s ${url}${target} -d '${body}'`;
}
