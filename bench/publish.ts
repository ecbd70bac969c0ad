import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";

/** A Markdown table; the first row is its head. */
export function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** What a reader must know before the figures. */
export function machine(): string {
  return `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}; load average at the end ${loadavg()[0]?.toFixed(1)}.`;
}

/** Prints the paragraphs, and keeps them and every round's figures in results/NAME.md and results/NAME.json. */
export function publish(name: string, paragraphs: readonly string[], figures: unknown): void {
  const text = `${paragraphs.join("\n\n")}\n`;
  const file = (ending: string): string => fileURLToPath(new URL(`./results/${name}.${ending}`, import.meta.url));
  process.stdout.write(text);
  mkdirSync(fileURLToPath(new URL("./results", import.meta.url)), { recursive: true });
  writeFileSync(file("md"), text);
  writeFileSync(file("json"), `${JSON.stringify({ node: process.version, figures }, null, 2)}\n`);
}
