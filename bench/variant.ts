import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CACHE_DIRECTORY } from "../test/server-process.ts";
import type { VariantOrder, VariantReport } from "./variant-server.ts";

/** One of several servers that are measured against each other. */
export interface MeasuredServer {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** What it has said so far. */
  output(): string;
  stop(): Promise<void>;
}

/** One of ours. */
export interface Variant extends MeasuredServer {
  report(): Promise<VariantReport>;
}

/** Settles when every model has had its first attempt to load. */
export async function startVariant(
  name: string,
  { paths, flags, windowMs }: { paths: readonly string[]; flags?: Readonly<Record<string, string>>; windowMs?: number },
): Promise<Variant> {
  const state = mkdtempSync(join(tmpdir(), "nitrous-bench-state-"));
  const order: VariantOrder = {
    paths,
    flags: { "http-port": "0", "cache-dir": CACHE_DIRECTORY, "state-dir": state, ...flags },
    ...(windowMs === undefined ? {} : { windowMs }),
  };
  const program = fileURLToPath(new URL("./variant-server.ts", import.meta.url));
  const child = spawn(process.execPath, ["--expose-gc", "--import", "tsx", program, JSON.stringify(order)], {
    stdio: ["pipe", "pipe", "inherit"],
    // As where it runs alone: sessions may be scheduled as groups.
    detached: true,
  });
  let output = "";
  const exited = once(child, "exit").then(() => rmSync(state, { recursive: true, force: true }));
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.includes("\nloaded\n")) resolve();
    });
    void exited.then(() => reject(new Error(`the server of '${name}' ended before its models were loaded`)));
  });
  return {
    name,
    url: /listening on (\S+)/.exec(output)?.[1] ?? "",
    pid: child.pid as number,
    output: () => output,
    async report() {
      const from = output.length;
      child.stdin.write("report\n");
      while (!output.slice(from).includes("\n")) await once(child.stdout, "data");
      return JSON.parse(output.slice(from)) as VariantReport;
    },
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Starts all at once, and ends them whatever happens. */
export async function withVariants<Server extends MeasuredServer>(
  starting: ReadonlyArray<Promise<Server>>,
  measure: (variants: readonly Server[]) => Promise<void>,
): Promise<void> {
  const started = await Promise.allSettled(starting);
  const variants = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  try {
    const failed = started.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    await measure(variants);
  } finally {
    for (const variant of variants) await variant.stop();
  }
}
