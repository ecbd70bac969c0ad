import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What a program prints. @throws Error with code ENOENT when there is no such program; another one when it fails or takes too long */
export type RunCommand = (command: string, words: readonly string[]) => Promise<string>;

/** nvidia-smi takes seconds on a machine with many devices where nothing keeps the driver loaded. */
const TIMEOUT_MS = 20_000;

export const runCommand: RunCommand = async (command, words) => {
  const { stdout } = await promisify(execFile)(command, words, { timeout: TIMEOUT_MS, env: { ...process.env, LC_ALL: "C" } });
  return stdout;
};
