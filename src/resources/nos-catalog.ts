import { readFile, stat } from "node:fs/promises";
import { basename, dirname, relative, resolve } from "node:path";
import type { JsonObject } from "../core/inference.ts";
import { isModelName, MODEL_NAME_RULE, type ModelSpec, type Rejection } from "../core/model.ts";
import { InvalidResourceError } from "../core/resource.ts";
import { type Finding, formatPath } from "./field-path.ts";
import { isGiven, isMap, listIn, mapIn, textIn } from "./json-fields.ts";
import { type ImageNeeds, imageNeeds, NOS_RUNTIMES } from "./nos-image.ts";
import { type ReadDocument, readDocuments } from "./read-documents.ts";
import { nosCatalogSchema } from "./schema/nos-catalog.ts";
import { schemaFindings } from "./schema-findings.ts";
import { toSpec } from "./versions.ts";

/** The setting under which the Python host finds what a catalog says of its model. */
const SETTING = "_nos";
/** A catalog's own keys at the top, and none of a resource's. */
const CATALOG = /^(?:models|images)[ \t]*:/m;
const RESOURCE = /^(?:apiVersion|kind)[ \t]*:/m;

export interface NosCatalog {
  readonly models: readonly ModelSpec[];
  readonly rejections: readonly Rejection[];
  /** Absolute paths of the models' files: they are not models beside the catalog's. */
  readonly files: readonly string[];
}

/** Whether a YAML file is a catalog of NOS and holds no resources. @throws when the file cannot be read */
export async function isNosCatalog(file: string): Promise<boolean> {
  const text = await readFile(file, "utf8");
  return CATALOG.test(text) && !RESOURCE.test(text);
}

/**
 * The models of a NOS catalog. One that is wrong keeps the others of it from nothing; what is wrong with images, or with more than
 * one model, refuses all.
 */
export async function readNosCatalog(file: string): Promise<NosCatalog> {
  let documents: readonly ReadDocument[];
  try {
    documents = readDocuments(await readFile(file, "utf8"), file);
  } catch (error) {
    if (!(error instanceof InvalidResourceError)) throw error;
    return { models: [], rejections: error.problems.map(({ path, message, line }) => rejection(file, line, path, message)), files: [] };
  }
  const catalogs = await Promise.all(documents.map((document) => readOne(file, document)));
  return {
    models: catalogs.flatMap(({ models }) => models),
    rejections: catalogs.flatMap(({ rejections }) => rejections),
    files: catalogs.flatMap(({ files }) => files),
  };
}

async function readOne(file: string, { value, lineOf }: ReadDocument): Promise<NosCatalog> {
  const findings = schemaFindings(nosCatalogSchema, value);
  const tell = (all: readonly Finding[]): Rejection[] =>
    all.map(({ path, message }) => rejection(file, lineOf(path), formatPath(path), message));
  if (!isMap(value) || findings.some(({ path }) => path[0] !== "models" || path.length < 2)) {
    return { models: [], rejections: tell(findings), files: [] };
  }
  const wrong = new Set(findings.map(({ path }) => path[1]));
  const models: ModelSpec[] = [];
  const others: Finding[] = [];
  const files: string[] = [];
  for (const [id, entry] of Object.entries(mapIn(value, "models") ?? {})) {
    const path = textIn(entry, "model_path");
    if (path !== undefined) files.push(resolve(dirname(file), path));
    if (wrong.has(id) || !isMap(entry)) continue;
    const found = await modelOf(file, id, entry, mapIn(value, "images") ?? {});
    if ("message" in found) others.push({ path: ["models", id, ...found.path], message: found.message });
    else models.push(found);
  }
  return { models, rejections: tell([...findings, ...others]), files };
}

async function modelOf(file: string, id: string, entry: JsonObject, images: JsonObject): Promise<ModelSpec | Finding> {
  const name = id.replaceAll("/", "--");
  if (!isModelName(name)) return { path: [], message: `'${name}' cannot be a model's name: ${MODEL_NAME_RULE}` };
  const [className, path] = [textIn(entry, "model_cls"), textIn(entry, "model_path")];
  if (className === undefined || path === undefined) {
    const lacking = className === undefined ? "model_cls" : "model_path";
    return { path: [lacking], message: "is missing; NOS's own models are not served, so each needs model_cls and model_path" };
  }
  const code = resolve(dirname(file), path);
  if ((await stat(code).catch(() => undefined))?.isFile() !== true)
    return { path: ["model_path"], message: `there is no file ${path} beside ${basename(file)}` };
  const image = textIn(entry, "runtime_env");
  if (image !== undefined && !isGiven(images, image) && !NOS_RUNTIMES.includes(image)) {
    const known = [...Object.keys(images), ...NOS_RUNTIMES].join(", ");
    return { path: ["runtime_env"], message: `there is no image ${JSON.stringify(image)}; expected one of ${known}` };
  }
  const needs = await imageNeeds(dirname(file), image ?? "", mapIn(images, image ?? "") ?? {});
  if (typeof needs === "string") return { path: ["runtime_env"], message: needs };
  return await specOf(name, id, entry, { file, code, className }, needs);
}

interface Places {
  readonly file: string;
  readonly code: string;
  readonly className: string;
}

async function specOf(
  name: string,
  id: string,
  entry: JsonObject,
  { file, code, className }: Places,
  needs: ImageNeeds,
): Promise<ModelSpec> {
  const spec = await toSpec(name, "1", { format: "python", file: code }, dirname(code));
  // NOS serves in the catalog's folder, and models read files and import modules from there.
  const isBelow = !relative(dirname(file), code).startsWith("..");
  const method = textIn(entry, "default_method");
  return {
    ...spec,
    ...(isBelow ? { directory: dirname(file) } : {}),
    settings: {
      [SETTING]: {
        model_cls: className,
        init_args: [...listIn(entry, "init_args")],
        init_kwargs: mapIn(entry, "init_kwargs") ?? {},
        ...(method === undefined ? {} : { default_method: method }),
      },
    },
    ...(Object.keys(needs.variables).length === 0 ? {} : { variables: needs.variables }),
    ...(needs.packages === "" ? {} : { packages: needs.packages }),
    notes: [
      ...(name === id ? [] : [`its name is ${name}: its id ${id} has slashes, and is another name for it in requests`]),
      ...ineffective(entry),
      ...needs.notes,
    ],
  };
}

/** What of a deployment changes nothing. */
function ineffective(entry: JsonObject): string[] {
  const deployment = mapIn(entry, "deployment");
  const replicas = deployment?.num_replicas ?? 1;
  const asked = { ...mapIn(entry, "resources"), ...mapIn(deployment, "resources") };
  const resources = Object.keys(asked).filter((key) => asked[key] !== "auto" && asked[key] !== null);
  return [
    ...(replicas === 1 ? [] : [`num_replicas: ${String(replicas)} has no effect: every model has one replica`]),
    ...(resources.length === 0 ? [] : [`resources (${resources.join(", ")}) have no effect: models share what the machine has`]),
  ];
}

function rejection(file: string, line: number | undefined, path: string, message: string): Rejection {
  return { path: line === undefined ? file : `${file}:${line}`, reason: path === "" ? message : `${path}: ${message}` };
}
