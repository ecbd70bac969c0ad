import { readFileSync } from "node:fs";
import { constants } from "node:os";

/** The parents of containers' first processes. */
const MONITORS = /^(?:conmon|containerd-shim)/;
const DEFAULT_STOP_SIGNAL = "SIGTERM";

/**
 * Whether a pid that an engine tells is a container's first process on this machine: an engine in a virtual machine or on another machine
 * tells one that means something else here.
 */
export function isInitHere(pid: number): boolean {
  const parent = /^PPid:\s*(\d+)$/m.exec(statusOf(pid))?.[1];
  return parent !== undefined && MONITORS.test(readOptional(`/proc/${parent}/comm`));
}

/**
 * Whether the request to end does nothing: the kernel gives the first process of a container no signal that it has no handler for, see
 * pid_namespaces(7). False where that cannot be known.
 * @param signal as engines tell the image's stop signal: a name, a number or nothing
 */
export function ignoresStopSignal(pid: number, signal: string): boolean {
  const number = Number(signal) || constants.signals[(signal || DEFAULT_STOP_SIGNAL) as NodeJS.Signals];
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(statusOf(pid))?.[1];
  if (caught === undefined || number === undefined) return false;
  return ((BigInt(`0x${caught}`) >> BigInt(number - 1)) & 1n) === 0n;
}

function statusOf(pid: number): string {
  return readOptional(`/proc/${pid}/status`);
}

function readOptional(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
