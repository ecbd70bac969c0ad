import { readdir, stat } from "node:fs/promises";
import type { ContainerSpec, Mount } from "../core/container.ts";

export const MODEL_PATH = "/mnt/models";

export interface ModelPlace {
  /** On this machine: a file or a folder. */
  readonly path: string;
  /** Names of what is in the folder, sorted; undefined for a file. */
  readonly names: readonly string[] | undefined;
}

/** Where a container's model lies; undefined when it has none of its own. */
export async function modelPlace(container: ContainerSpec): Promise<ModelPlace | undefined> {
  const mount = modelMount(container);
  if (mount?.source.kind !== "folder") return undefined;
  const { path } = mount.source;
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  return { path, names: isFolder ? (await readdir(path)).sort() : undefined };
}

/** The container with its model at another place, as the program sees it. */
export function movedModel(container: ContainerSpec, path: string): ContainerSpec {
  const mount = modelMount(container);
  return { ...container, mounts: container.mounts.map((each) => (each === mount ? { ...each, path } : each)) };
}

function modelMount({ mounts }: ContainerSpec): Mount | undefined {
  return mounts.find(({ path }) => path === MODEL_PATH || path.startsWith(`${MODEL_PATH}/`));
}
