import { readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface StubbornModel {
  readonly directory: string;
  /** Processes that the model has left to themselves and that still run. */
  strays(): number[];
  remove(): Promise<void>;
}

/** The shell leaves at once; `sleep` has a session of its own, no parent, and ignores what asks it politely. */
const STRAY = `trap '' TERM HUP INT; (sleep DURATION </dev/null >/dev/null 2>&1 &)`;

const SOURCES = {
  python: [
    "model.py",
    `import os, subprocess

class Model:
    example = {"instances": [0]}

    def load(self, directory):
        subprocess.run(["setsid", "sh", "-c", ${JSON.stringify(STRAY)}], check=True)

    def predict(self, crash):
        if crash[0] == 1:
            os._exit(9)
        return crash
`,
  ],
  typescript: [
    "model.ts",
    `import { spawnSync } from "node:child_process";

export class Model {
  static inputs = { crash: "INT64[-1]" };
  static outputs = { crash: "INT64[-1]" };
  static example = { inputs: [{ name: "crash", shape: [1], datatype: "INT64", data: [0] }] };

  load() {
    spawnSync("setsid", ["sh", "-c", ${JSON.stringify(STRAY)}]);
  }

  predict({ crash }: { crash: { data: BigInt64Array } }) {
    if (crash.data[0] === 1n) process.exit(9);
    return { crash: crash.data };
  }
}
`,
  ],
} as const;

/** A model that starts a process at its load which does everything to outlive it; it ends its host when it is asked about 1. */
export async function createStubbornModel(format: keyof typeof SOURCES): Promise<StubbornModel> {
  const parent = await mkdtemp(join(tmpdir(), "nitrous-stubborn-"));
  const directory = join(parent, "stubborn");
  // Seconds; nobody else sleeps for exactly so long.
  const duration = `9${Date.now()}.${process.pid}`;
  const [name, text] = SOURCES[format];
  await mkdir(directory);
  await writeFile(join(directory, name), text.replace("DURATION", duration));
  return {
    directory,
    strays: () =>
      readdirSync("/proc")
        .filter((pid) => /^\d+$/.test(pid) && commandOf(pid) === `sleep\0${duration}\0`)
        .map(Number),
    remove: () => rm(parent, { recursive: true, force: true }),
  };
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
