import { createHash, randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { bootId, identityOf, isRunning } from "../processes.ts";

/** Labels that say whose a container is. */
export const SERVER_LABEL = "nitrous.server";
export const PROCESS_LABEL = "nitrous.process";
const HOST_LABEL = "nitrous.host";

/** Characters of the name of a model in that of its container. */
const LONGEST_NAME = 40;

/** Servers that share a cache folder have the same one: only these look after each other's containers. */
export function serverLabel(directory: string): string {
  return createHash("sha256").update(resolve(directory)).digest("hex").slice(0, 24);
}

/** A process that no other can be taken for: boot, pid and start time. */
export function processLabel(pid = process.pid): string {
  return `${bootId() || "boot"}/${pid}/${identityOf(pid)?.start ?? ""}`;
}

/** Whether the process of a label runs. Where the system does not tell start times, a running process with its pid is taken for it. */
export function labelledProcessRuns(label: string): boolean {
  const [boot, number = "", start = ""] = label.split("/");
  const pid = Number(number);
  if (!Number.isInteger(pid) || pid < 1 || boot !== (bootId() || "boot")) return false;
  if (start !== "") return isRunning({ pid, start });
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

export function labelsOf(directory: string, host: string): Record<string, string> {
  return { [SERVER_LABEL]: serverLabel(directory), [PROCESS_LABEL]: processLabel(), [HOST_LABEL]: host };
}

/** A name that says which model a container is of, and that no other has. */
export function containerName(host: string): string {
  const said = host
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, LONGEST_NAME)
    .replace(/^-+|-+$/g, "");
  return ["nitrous", said, randomBytes(5).toString("hex")].filter(Boolean).join("-");
}
