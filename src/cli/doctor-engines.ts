import type { MachineFacts } from "./doctor-facts.ts";

/** One line of the report. */
export interface Check {
  readonly name: string;
  readonly state: "ok" | "weak" | "missing" | "absent";
  readonly found: string;
}

/** What runs containers on this machine, or why nothing does. */
export function engineChecks({ choice, engines }: MachineFacts["containers"]): Check[] {
  const name = "containers";
  if (choice === "off") return [{ name, state: "ok", found: "off: runtimes run as processes of this machine" }];
  const wanted = engines.filter(({ kind }) => choice === "auto" || kind === choice);
  if (wanted.length === 0) {
    const none = choice === "auto" ? "neither podman nor docker is installed" : `${choice} is not installed`;
    return [{ name, state: "weak", found: `${none}: runtimes that are images cannot run` }];
  }
  const used = wanted.find(({ problem }) => problem === undefined);
  const rest = wanted.map((engine): Check => {
    if (engine.problem !== undefined) return { name: engine.kind, state: used === undefined ? "missing" : "weak", found: engine.problem };
    const limits = engine.cgroups === undefined ? "" : `, limits by cgroups version ${engine.cgroups}`;
    const root = engine.rootless ? "without root" : "as root";
    return { name: engine.kind, state: "ok", found: `${engine.version}, ${root}${limits}${engine === used ? "" : "; not used"}` };
  });
  // Without control groups of version 2 a user without root can limit nothing.
  const unlimited = used?.rootless === true && used.cgroups === 1;
  const weak: Check = { name, state: "weak", found: `${used?.kind} without root cannot limit memory or processors with cgroups version 1` };
  return unlimited ? [...rest, weak] : rest;
}
