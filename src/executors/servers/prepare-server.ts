import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ContainerSpec } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import type { HostSpec } from "../../core/executor.ts";
import { TEMPORARY_PREFIX } from "../process-record.ts";
import type { AssignedPorts } from "./assigned-ports.ts";
import { type StartWords, startWords } from "./environment.ts";
import { accelerators, type ServerMachine } from "./machine.ts";
import { type ObjectDirectories, type ObjectFile, objectFiles } from "./objects.ts";
import { launcherPlan, type Planned } from "./plan.ts";
import { filesOfCommand, hiddenFolders, homeFolders, interpretersIn, withoutLinks } from "./view.ts";

const RESOLVER = "/run/systemd/resolve";

/** Everything that can be wrong with a spec is known before there is a process. */
export interface Checked {
  readonly container: ContainerSpec;
  readonly words: StartWords;
  readonly objects: ReadonlyMap<number, readonly ObjectFile[]>;
}

/** @throws ServeError for what the spec names and is not there */
export function check({ name, container }: HostSpec, directories: ObjectDirectories): Checked {
  if (container === undefined) throw new Error(`${name} has no container`);
  if (container.command.length === 0) {
    const hint = "give its container a command, or an image and a container engine to run it";
    throw new ServeError("FAILED_PRECONDITION", `cannot run ${name} as a process: it has no command; ${hint}`);
  }
  const objects = new Map<number, readonly ObjectFile[]>();
  for (const [index, { path, source }] of container.mounts.entries()) {
    if (source.kind === "object") objects.set(index, objectFiles(source, directories));
    if (source.kind === "folder" && !existsSync(source.path)) {
      throw new ServeError("FAILED_PRECONDITION", `cannot run ${name}: ${source.path}, which it mounts at ${path}, is not there`);
    }
  }
  return { container, words: startWords(container, directories), objects };
}

/** The plan of a server on this machine, now. */
export function planOf(
  { container, words, objects }: Checked,
  given: {
    ports: AssignedPorts;
    machine: ServerMachine;
    assigned: Readonly<Record<string, string>>;
    objects: ObjectDirectories;
    hidden: readonly string[];
  },
): Planned {
  const { ports, machine, assigned } = given;
  const name = `${TEMPORARY_PREFIX}${randomUUID()}`;
  const parent = withoutLinks(resolve(tmpdir()));
  const path = words.environment.PATH ?? process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin";
  const [command = ""] = words.command;
  const programs = [...filesOfCommand(command, path), ...interpretersIn(path)];
  const texts = [...words.command, ...words.arguments, ...Object.values(words.environment), path, ...programs];
  const hideable = [...homeFolders(), "/tmp", ...given.hidden.map((folder) => withoutLinks(resolve(folder)))];
  const secret = [given.objects.secrets, given.objects.configMaps].flatMap((folder) => (folder === undefined ? [] : [resolve(folder)]));
  const { hidden, shown } = hiddenFolders({ hideable, secret: secret.map(withoutLinks) }, texts, container.workingDirectory);
  const { bavail, bsize } = statfsSync(parent);
  return launcherPlan(container, {
    words,
    assigned,
    path,
    language: process.env.LANG ?? "C.UTF-8",
    temporary: join(parent, name),
    namespaces: machine.problem === undefined,
    ports,
    objects,
    groups: machine.groups(name),
    freeDisk: bavail * bsize,
    hidden,
    shown,
    devices: usesDevices(container, assigned) ? accelerators() : [],
    temporaryPlaces: ["/tmp", "/var/tmp"].filter(isOwnFolder),
    kept: container.network === "host" && existsSync(RESOLVER) ? [RESOLVER] : [],
    withoutLinks,
  });
}

/** Only root can run something as somebody else: what to say about that. */
export function userProblem({ user }: ContainerSpec): string | undefined {
  const own = process.getuid?.() ?? 0;
  if (user === undefined || own === 0 || user === own) return undefined;
  return `it runs as user ${own}, as this server does, and not as ${user} of its securityContext: only root could do that`;
}

/** It asks for some, or the server has chosen some for it. */
function usesDevices({ resources }: ContainerSpec, assigned: Readonly<Record<string, string>>): boolean {
  const visible = assigned.CUDA_VISIBLE_DEVICES ?? "";
  return Object.values(resources.devices).some((count) => count > 0) || !["", "-1"].includes(visible);
}

/** A folder, and no link to one. */
function isOwnFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
