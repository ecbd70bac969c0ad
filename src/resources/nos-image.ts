import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { messageOf } from "../core/errors.ts";
import type { JsonObject } from "../core/inference.ts";
import { isGiven, listIn, mapIn } from "./json-fields.ts";

/** Runtimes that NOS brings along; here they are the machine as it is. */
export const NOS_RUNTIMES: readonly string[] = ["auto", "local", "cpu", "gpu", "trt", "inf2"];

/** Of an image, what has no counterpart without a container. */
const OF_CONTAINERS = ["base", "python", "system", "run", "add", "workdir", "entrypoint", "command"];

export interface ImageNeeds {
  /** Lines of a requirements.txt. */
  readonly packages: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

/**
 * What of an image of a NOS catalog becomes a model's environment: its packages and its variables.
 * @param folder where paths of requirements files begin
 * @returns why not, for a requirements file that cannot be read
 */
export async function imageNeeds(folder: string, name: string, image: JsonObject): Promise<ImageNeeds | string> {
  const files: string[] = [];
  for (const file of texts(image, "requirements")) {
    try {
      files.push((await readFile(resolve(folder, file), "utf8")).trimEnd());
    } catch (error) {
      return `the image ${name} has the requirements file ${file}, which cannot be read: ${messageOf(error)}`;
    }
  }
  const conda = texts(image, "conda");
  const ignored = OF_CONTAINERS.filter((key) => isGiven(image, key));
  const variables = Object.entries(mapIn(image, "env") ?? {}).map(([key, value]) => [key, String(value)] as const);
  return {
    packages: [...files, ...texts(image, "pip"), ...conda.flatMap(fromConda)].join("\n"),
    variables: Object.fromEntries(variables),
    notes: [
      ...(ignored.length === 0
        ? []
        : [`${ignored.join(", ")} of the image ${name} have no effect: models run on this machine and not in a container`]),
      ...(conda.length === 0 ? [] : [`conda packages of the image ${name} come from the Python package index`]),
    ],
  };
}

/**
 * `conda-forge::numpy=1.26=py311_0` is `numpy==1.26.*` for Python: conda's single sign is about the beginning of a version. The
 * interpreter itself is none of a model's packages.
 */
function fromConda(entry: string): string[] {
  const [, name, rest = ""] = /^(?:[\w.-]+::)?([A-Za-z0-9][\w.-]*)\s*(.*)$/.exec(entry.trim()) ?? [];
  if (name === undefined || name === "python") return [];
  const beginning = /^=\s*([^=\s]+)/.exec(rest)?.[1];
  if (beginning === undefined) return [`${name}${rest.replaceAll(" ", "")}`];
  return [`${name}==${beginning.endsWith("*") ? beginning : `${beginning}.*`}`];
}

function texts(image: JsonObject, key: string): string[] {
  return listIn(image, key).filter((each): each is string => typeof each === "string");
}
