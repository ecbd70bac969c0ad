import type { ContainerSpec, Mount } from "../../core/container.ts";
import type { AssignedPorts } from "./assigned-ports.ts";
import type { StartWords } from "./environment.ts";
import type { GroupCandidates } from "./groups.ts";
import type { ObjectFile } from "./objects.ts";

/** What the launcher gets (python/nitrous_launcher/servers/plan.py): every field by its name there. */
export interface LauncherPlan {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** The folder of all its own folders, which is made and goes at the end. */
  readonly temporary: string;
  /** Below it, made for the program's user. */
  readonly folders: readonly string[];
  readonly files: ReadonlyArray<{ readonly path: string; readonly content: string }>;
  /** Process, mount and IPC namespaces of its own, and with `network` "private" one of its own network. */
  readonly namespaces: boolean;
  readonly network: ContainerSpec["network"];
  readonly view: LauncherView;
  readonly user: number | null;
  readonly group: number | null;
  readonly memory: number | null;
  readonly processors: number | null;
  readonly groups: GroupCandidates;
  /** It is killed with the title as the reason when these folders together hold more bytes than the limit. */
  readonly disk: ReadonlyArray<{ readonly folders: readonly string[]; readonly limit: number; readonly title: string }>;
  readonly open_files: number;
}

/** What the program sees beside the machine's read-only folders; of no meaning without namespaces. */
export interface LauncherView {
  /** In this order, each over what is there of those before it. */
  readonly places: readonly Place[];
  /** Below /dev. */
  readonly devices: readonly string[];
}

export interface Place {
  /** Without links in it. */
  readonly to: string;
  /** What of the machine is there; null for a file system in memory, or one that is empty and read-only and hides what is there. */
  readonly from: string | null;
  readonly writable: boolean;
  /** Bytes of a file system in memory. */
  readonly limit: number | null;
}

/** What the plan is made of beside the spec. */
export interface PlanParts {
  readonly words: StartWords;
  /** Variables that the server gives, which come last. */
  readonly assigned: Readonly<Record<string, string>>;
  /** PATH and LANG of the server. */
  readonly path: string;
  readonly language: string;
  readonly temporary: string;
  readonly namespaces: boolean;
  readonly ports: AssignedPorts;
  /** Of each mounted object, by the index of its mount. */
  readonly objects: ReadonlyMap<number, readonly ObjectFile[]>;
  readonly groups: GroupCandidates;
  /** Bytes that are free where its folders are. */
  readonly freeDisk: number;
  /** Folders of the machine that it sees nothing of, and what of them it sees. */
  readonly hidden: readonly string[];
  readonly shown: readonly string[];
  readonly devices: readonly string[];
  /** Where programs look for a folder for temporary files, which is one of its own. */
  readonly temporaryPlaces: readonly string[];
  /** More that it sees as it is in the machine. */
  readonly kept: readonly string[];
  /** A path with the links in it resolved. */
  readonly withoutLinks: (path: string) => string;
}

const OPEN_FILES = 65_536;
/** Of what is free, for programs without a limit of their own: one of them must not fill the disk of all. */
const DISK_SHARE = 0.5;

/** Where each of its own folders is. */
function ownFolders(temporary: string) {
  return { home: `${temporary}/home`, tmp: `${temporary}/tmp`, run: `${temporary}/run`, root: `${temporary}/root` } as const;
}

export interface Planned {
  readonly plan: LauncherPlan;
  /** Ports and paths of the spec in a text by those that the program has. */
  readonly replace: (text: string) => string;
}

/** How a program without an image runs. */
export function launcherPlan(container: ContainerSpec, parts: PlanParts): Planned {
  const { words, temporary, namespaces, ports } = parts;
  const own = ownFolders(temporary);
  const volumes = container.mounts.map((mount, index) => volumeOf(mount, `${temporary}/volumes/${index}`, namespaces));
  const place = placeInText(
    namespaces ? [] : container.mounts.map(({ path }, index) => [path, (volumes[index] as Volume).from ?? path] as const),
  );
  const replace = (text: string): string => place(ports.replace(text));
  const environment: Record<string, string> = {
    PATH: parts.path,
    HOME: own.home,
    LANG: parts.language,
    TMPDIR: namespaces ? "/tmp" : own.tmp,
  };
  Object.assign(environment, ports.environment);
  for (const [name, value] of Object.entries(words.environment)) environment[name] = replace(value);
  Object.assign(environment, parts.assigned);
  const plan: LauncherPlan = {
    command: [...words.command, ...words.arguments].map(replace),
    environment,
    directory: container.workingDirectory === undefined ? own.home : place(container.workingDirectory),
    temporary,
    folders: [...Object.values(own), ...volumes.flatMap(({ made }) => made)],
    files: [...parts.objects].flatMap(([index, files]) =>
      files.map(({ path, content }) => ({ path: `${(volumes[index] as Volume).from}/${path}`, content: content.toString("base64") })),
    ),
    namespaces,
    network: container.network,
    view: viewOf(container, volumes, parts),
    user: container.user ?? null,
    group: container.group ?? null,
    memory: container.resources.memoryLimit ?? null,
    processors: container.resources.processorLimit ?? null,
    groups: parts.groups,
    disk: diskRules(container, volumes, parts),
    open_files: OPEN_FILES,
  };
  return { plan, replace };
}

/** One mount. */
interface Volume {
  /** A folder or file of the machine; undefined for one in memory. */
  readonly from: string | undefined;
  /** Folders to make. */
  readonly made: readonly string[];
  readonly writable: boolean;
  /** Bytes; of one on the disk, which is looked at. */
  readonly limit: number | undefined;
}

function volumeOf({ source, readOnly }: Mount, folder: string, namespaces: boolean): Volume {
  switch (source.kind) {
    case "folder":
      return { from: source.path, made: [], writable: !readOnly, limit: undefined };
    case "object":
      return { from: folder, made: [folder], writable: false, limit: undefined };
    case "empty":
      if (source.inMemory && namespaces) return { from: undefined, made: [], writable: true, limit: undefined };
      return { from: folder, made: [folder], writable: !readOnly, limit: source.sizeLimit };
  }
}

function viewOf({ mounts }: ContainerSpec, volumes: readonly Volume[], parts: PlanParts): LauncherView {
  const own = ownFolders(parts.temporary);
  const mounted = mounts.map(({ path, source }, index): Place => {
    const { from, writable } = volumes[index] as Volume;
    const limit = source.kind === "empty" && from === undefined ? (source.sizeLimit ?? null) : null;
    return { to: parts.withoutLinks(path), from: from ?? null, writable, limit };
  });
  // Nothing is hidden in what is mounted for the program, and the hiding would be in the folder itself.
  const isMounted = (path: string): boolean => mounted.some(({ to }) => path === to || path.startsWith(`${to}/`));
  const places: readonly Place[] = [
    ...parts.temporaryPlaces.map((to) => ({ to, from: own.tmp, writable: true, limit: null })),
    { to: "/run", from: own.run, writable: true, limit: null },
    ...[...parts.shown, ...parts.kept].map((path) => ({ to: path, from: path, writable: false, limit: null })),
    ...parts.hidden.filter((path) => path !== "/tmp" && !isMounted(path)).map((to) => ({ to, from: null, writable: false, limit: null })),
    { to: own.home, from: own.home, writable: true, limit: null },
    ...mounted,
  ];
  const depth = ({ to }: Place): number => to.split("/").length;
  // Those of the same depth stay in this order.
  return { places: [...places].sort((one, other) => depth(one) - depth(other)), devices: parts.devices };
}

function diskRules(
  { resources, mounts }: ContainerSpec,
  volumes: readonly Volume[],
  { temporary, freeDisk }: PlanParts,
): LauncherPlan["disk"] {
  const own = ownFolders(temporary);
  const empty = mounts.flatMap(({ path, source }, index) => {
    const { from, limit } = volumes[index] as Volume;
    return source.kind === "empty" && from !== undefined ? [{ path, from, limit }] : [];
  });
  const limited = empty.flatMap(({ path, from, limit }) =>
    limit === undefined ? [] : [{ folders: [from], limit, title: `was killed because its volume at ${path} is full (emptyDir.sizeLimit)` }],
  );
  const why =
    resources.diskLimit === undefined
      ? "which are full (it has no resources.limits.ephemeral-storage, so half of what was free when it started is the limit)"
      : "which are full (resources.limits.ephemeral-storage)";
  const all = {
    folders: [own.home, own.tmp, own.run, ...empty.map(({ from }) => from)],
    limit: resources.diskLimit ?? Math.floor(freeDisk * DISK_SHARE),
    title: `was killed for what it wrote to its own folders, ${why}`,
  };
  return [...limited, all];
}

/** Paths at and below those of mounts, where there is no mount namespace: the real ones. */
export function placeInText(places: ReadonlyArray<readonly [path: string, real: string]>): (text: string) => string {
  const moved = places.filter(([path, real]) => path !== real).sort(([one], [other]) => other.length - one.length);
  if (moved.length === 0) return (text) => text;
  const real = new Map(moved);
  const escaped = moved.map(([path]) => path.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  // Whole: neither a part of a longer name, nor below another folder.
  const pattern = new RegExp(`(?<![\\w.~/-])(?:${escaped.join("|")})(?![\\w.-])`, "g");
  return (text) => text.replace(pattern, (path) => real.get(path) ?? path);
}
