import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { HostSpec } from "../core/executor.ts";

export const LAUNCHER = fileURLToPath(new URL("../../python/nitrous_launcher/launch.py", import.meta.url));
/** The system's own comes first: shims of version managers take ten times as long. */
const CANDIDATES = ["/usr/bin/python3", "/usr/local/bin/python3", "python3"];
const QUESTION = "import sys, ctypes; assert sys.version_info >= (3, 7); ctypes.CDLL(None).prctl; print(sys.executable)";

/** A Python that can run the launcher for hosts that are not Python themselves; undefined where there is none. */
export async function findLauncherPython(configured: string | undefined): Promise<string | undefined> {
  if (process.platform !== "linux") return undefined;
  for (const candidate of configured === undefined ? CANDIDATES : [configured, ...CANDIDATES]) {
    try {
      const { stdout } = await promisify(execFile)(candidate, ["-I", "-S", "-c", QUESTION], { timeout: 10_000 });
      return stdout.trim();
    } catch {
      // The next one.
    }
  }
  return undefined;
}

/** The host below a launcher, which a Python of any environment can run. */
export function launched(spec: HostSpec, python: string, bytecodeDirectory: string, options: readonly string[] = []): HostSpec {
  const launcher = ["-I", "-S", "-X", `pycache_prefix=${bytecodeDirectory}`, LAUNCHER, ...options];
  return { ...spec, command: python, arguments: [...launcher, spec.command, ...spec.arguments], launched: true };
}
