import { readFile } from "node:fs/promises";
import type { EngineKind } from "./found-engine.ts";

/** What podman asks for when nobody says anything else, see setrlimit(2). */
const PODMAN_ASKS: Readonly<Record<string, readonly [title: string, hard: number]>> = {
  nofile: ["Max open files", 1_048_576],
  nproc: ["Max processes", 4_194_304],
};
/** See capabilities(7): raising a hard limit needs it. */
const CAP_SYS_RESOURCE = 24n;

/**
 * Hard limits that are below what podman would ask for and that this process could not raise, as in a container: with them as they are
 * podman runs there too. The daemon of Docker has limits of its own.
 */
export async function lowerLimits(engine: EngineKind): Promise<Record<string, number>> {
  if (engine !== "podman") return {};
  const files = ["/proc/self/limits", "/proc/self/status", "/proc/sys/kernel/pid_max"];
  const [limits = "", status = "", most = ""] = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  return lowerThanPodmanAsks(limits, status, most);
}

/** From /proc/self/limits, /proc/self/status and /proc/sys/kernel/pid_max, which is podman's own limit for its containers. */
export function lowerThanPodmanAsks(limits: string, status: string, pidMax: string): Record<string, number> {
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  if (((capabilities >> CAP_SYS_RESOURCE) & 1n) === 1n) return {};
  const lower = Object.entries(PODMAN_ASKS).flatMap(([name, [title, asked]]): Array<[string, number]> => {
    const hard = Number(new RegExp(`^${title}\\s+\\S+\\s+(\\d+)\\s`, "m").exec(limits)?.[1]);
    return hard < asked ? [[name, name === "nproc" ? Math.min(hard, Number(pidMax) || hard) : hard]] : [];
  });
  return Object.fromEntries(lower);
}
