import { type Check, engineChecks } from "./doctor-engines.ts";
import type { MachineFacts } from "./doctor-facts.ts";
import { parseOutput, printValue } from "./print-objects.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const STYLES = { ok: "green", weak: "yellow", missing: "red", absent: undefined } as const;
const LEAST_FREE = 5 * 2 ** 30;

/** `nitrous doctor`: what this machine has for nitrous, and what is missing. @throws CliError */
export function doctorCommand(facts: MachineFacts, { output }: { readonly output?: string }, terminal: Terminal): void {
  const format = parseOutput(output, ["json", "yaml"] as const);
  const checks = checksOf(facts);
  if (format !== undefined) {
    terminal.print(printValue({ ...facts, checks }, format));
    return;
  }
  const rows = checks.map(({ name, state, found }) => [name, { text: state, style: STYLES[state] }, found]);
  terminal.print(renderTable(["CHECK", "STATE", "FOUND"], rows, terminal));
}

function checksOf({
  nitrous,
  node,
  platform,
  processors,
  python,
  uv,
  launcher,
  isolation,
  memory,
  devices,
  servers,
  processes,
  configurations,
  containers,
  folders,
}: MachineFacts): Check[] {
  const { chosen, refusal, mode, levels, landlockVersion } = isolation;
  return [
    { name: "nitrous", state: "ok", found: `${nitrous} on Node ${node}, ${platform}, ${processors} processors` },
    typeof python === "string"
      ? { name: "python", state: "missing", found: python }
      : { name: "python", state: "ok", found: python.join(", ") },
    { name: "uv", state: "ok", found: uv ?? "none yet; it is fetched for the first environment" },
    launcher === undefined
      ? {
          name: "launcher",
          state: "weak",
          found: "none: process groups are killed, and what leaves its group stays, also when the server is killed",
        }
      : { name: "launcher", state: "ok", found: `run by ${launcher}; no process of a model outlives its host or the server` },
    isolationCheck(mode, chosen, refusal),
    ...levels.map(({ level, problem }): Check => {
      const version = level === "landlock" && landlockVersion > 0 ? `version ${landlockVersion} of the interface` : "works";
      return { name: level, state: problem === undefined ? "ok" : "missing", found: problem ?? version };
    }),
    { name: "memory", state: "ok", found: `${gibibytes(memory.available)} available; hosts get ${gibibytes(memory.budget)}` },
    {
      name: "cgroup",
      state: "ok",
      found:
        memory.cgroup === undefined
          ? "no memory limit"
          : `version ${memory.cgroup.version}, ${gibibytes(memory.cgroup.used)} of ${gibibytes(memory.cgroup.limit)} used`,
    },
    ...deviceChecks(devices),
    ...configurations.map(({ name, usable, here }): Check => ({ name: `runtime ${name}`, state: usable ? "ok" : "absent", found: here })),
    ...servers.map(serverCheck),
    processesCheck(processes.problem),
    ...engineChecks(containers),
    ...folders.map(
      ({ purpose, path, free, size }): Check => ({
        name: `${purpose} folder`,
        state: free < LEAST_FREE ? "weak" : "ok",
        found: `${path}: ${gibibytes(free)} of ${gibibytes(size)} free`,
      }),
    ),
  ];
}

function deviceChecks({ found, problem }: MachineFacts["devices"]): Check[] {
  const none: Check = { name: "devices", state: "ok", found: `no GPU: ${problem ?? "none was found"}` };
  const checks = found.map(({ title, total, free, budget }): Check => {
    const [name = "", rest = ""] = title.split(/ (?=\()/);
    return {
      name,
      state: "ok",
      found: `${rest.slice(1, -1)}: ${gibibytes(free)} of ${gibibytes(total)} free; hosts get ${gibibytes(budget)}`,
    };
  });
  if (checks.length === 0) return [none];
  return problem === undefined ? checks : [...checks, { name: "devices", state: "weak", found: problem }];
}

function serverCheck({ title, version, file, problem }: MachineFacts["servers"][number]): Check {
  const where = file === undefined ? "" : `${version ?? "of unknown version"} at ${file}`;
  if (problem === undefined) return { name: title, state: "ok", found: where };
  return { name: title, state: file === undefined ? "absent" : "weak", found: file === undefined ? problem : `${where}; ${problem}` };
}

function processesCheck(problem: string | undefined): Check {
  const name = "processes";
  if (problem === undefined) return { name, state: "ok", found: "programs of runtimes have a network and a file system of their own" };
  return {
    name,
    state: "weak",
    found: `programs of runtimes are on the machine's network, with other ports than they ask for: ${problem}`,
  };
}

function isolationCheck(mode: string, chosen: string | undefined, refusal: string | undefined): Check {
  const name = "isolation";
  if (mode === "off") return { name, state: "weak", found: "off: every model may do what the server may do" };
  if (chosen !== undefined) return { name, state: "ok", found: `${mode}: models that nobody trusts are confined by ${chosen}` };
  return { name, state: "missing", found: `${mode}: custom code that nobody trusts is refused: ${refusal}` };
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
