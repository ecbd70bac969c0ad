import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Ask } from "./server-program.ts";

/** Servers in Python import for long before they say anything. */
const TIMEOUT_MS = 30_000;

export const ask: Ask = async (command, words) => {
  const { stdout, stderr } = await promisify(execFile)(command, words, { timeout: TIMEOUT_MS });
  return `${stdout}${stderr}`;
};
