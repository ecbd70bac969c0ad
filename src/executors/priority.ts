import { writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { pidsBelow, threadsOf } from "./processes.ts";
import { readOptionalSync } from "./read-optional.ts";

/** Behind those that serve, yet not starved: a third of their weight, as the kernel has it; 10 would be a tenth. */
const NICENESS = 5;
/** Bit of CAP_SYS_NICE, see capabilities(7). */
const SYS_NICE = 23n;
/** RLIMIT_NICE from which on a process may go back to 0, see getrlimit(2). */
const LIMIT_OF_ZERO = 20;
/** Without privileges the kernel lets a session's group change ten times a second, for all of them together; see sched(7). */
const GROUP_ATTEMPTS = 50;
const GROUP_PAUSE_MS = 120;

/**
 * Has a process that leads a session, and what it starts, use what others leave of the processors; settles when it is done. Linux;
 * elsewhere nothing.
 */
export async function lower(pid: number): Promise<void> {
  if (process.platform !== "linux") return;
  if (mayRaise()) renice(pid, 0, NICENESS);
  await setGroup(pid, NICENESS);
}

/** Takes back what {@link lower} did and has done, for everything below the process and all threads; settles when it is done. */
export async function restore(pid: number): Promise<void> {
  if (process.platform !== "linux") return;
  if (mayRaise()) {
    for (const each of [pid, ...pidsBelow(pid)]) {
      for (const thread of threadsOf(each)) renice(thread, NICENESS, 0);
    }
  }
  await setGroup(pid, 0);
}

/** Where sessions are scheduled as groups, a niceness only counts within one; the group's own may be changed without privileges. */
async function setGroup(pid: number, niceness: number): Promise<void> {
  for (let attempt = 0; attempt < GROUP_ATTEMPTS; attempt++) {
    try {
      writeFileSync(`/proc/${pid}/autogroup`, String(niceness));
      return;
    } catch (error) {
      // Another code: there are no such groups, or no such process.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      await delay(GROUP_PAUSE_MS, undefined, { ref: false });
    }
  }
}

/** What a model has chosen for itself stays. */
function renice(thread: number, from: number, to: number): void {
  try {
    if (getPriority(thread) === from) setPriority(thread, to);
  } catch {
    // It has ended, or is somebody else's.
  }
}

let raising: boolean | undefined;

/** Whether this process can make another one quick again: one that could not would leave it slow for ever. */
function mayRaise(): boolean {
  raising ??= hasCapability() || niceLimit() >= LIMIT_OF_ZERO;
  return raising;
}

function hasCapability(): boolean {
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(readOptionalSync("/proc/self/status"))?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> SYS_NICE) & 1n) === 1n;
}

function niceLimit(): number {
  return Number(/^Max nice priority\s+(\d+)/m.exec(readOptionalSync("/proc/self/limits"))?.[1] ?? 0);
}
