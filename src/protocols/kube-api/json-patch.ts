import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "../../core/inference.ts";
import { InvalidResourceError } from "../../core/resource.ts";
import { describe, isObject, type JsonObject } from "../shared/index.ts";

type Path = readonly string[];
/** Kubernetes' own limit. */
const MAX_OPERATIONS = 10_000;

/** Copies can double a document with each operation. Characters of JSON text. */
const MAX_COPIED = 3 * 1024 * 1024;

/**
 * JSON Patch (RFC 6902): the document after all operations; the one given is left as it is.
 * @throws InvalidResourceError when the patch is not one, does not fit the document, or a test in it fails
 */
export function jsonPatch(document: JsonValue, patch: JsonValue): JsonValue {
  if (!Array.isArray(patch)) throw invalid(`the patch is ${describe(patch)}; expected a list of operations`);
  if (patch.length > MAX_OPERATIONS) throw invalid(`the patch has ${patch.length} operations; at most ${MAX_OPERATIONS} are taken`);
  // The operations change one copy: a copy for each would take minutes for a large document.
  const root = { whole: copyOf(document) };
  let copied = 0;
  for (const [index, operation] of patch.entries()) {
    const where = `operation ${index} of the patch`;
    if (!isObject(operation)) throw invalid(`${where} is ${describe(operation)}; expected an object`);
    if (operation.op === "copy") copied += JSON.stringify(read(root.whole, pathIn(operation, "from"))).length;
    if (copied > MAX_COPIED) throw invalid(`${where} copies too much`);
    apply(root, operation, where);
  }
  return root.whole;
}

interface Root {
  whole: JsonValue;
}

function apply(root: Root, operation: JsonObject, where: string): void {
  const path = pathIn(operation, "path");
  switch (operation.op) {
    case "add":
      add(root, path, copyOf(valueIn(operation, where)));
      break;
    case "replace":
      read(root.whole, path);
      set(root, path, copyOf(valueIn(operation, where)));
      break;
    case "remove":
      remove(root, path);
      break;
    case "copy":
      add(root, path, copyOf(read(root.whole, pathIn(operation, "from"))));
      break;
    case "move": {
      const from = pathIn(operation, "from");
      if (from.length < path.length && from.every((key, index) => key === path[index])) throw invalid(`${where} moves a value into itself`);
      const value = read(root.whole, from);
      remove(root, from);
      add(root, path, value);
      break;
    }
    case "test":
      if (isDeepStrictEqual(read(root.whole, path), valueIn(operation, where))) break;
      throw invalid(`${where} tests ${clip(String(operation.path))}, which has another value`);
    default:
      throw invalid(`${where} has the op ${describe(operation.op)}; expected add, remove, replace, move, copy or test`);
  }
}

function add(root: Root, path: Path, value: JsonValue): void {
  const [parent, key] = parentOf(root, path);
  if (Array.isArray(parent)) parent.splice(key === "-" ? parent.length : indexIn(parent, key, parent.length), 0, value);
  else set(root, path, value);
}

function remove(root: Root, path: Path): void {
  read(root.whole, path);
  const [parent, key] = parentOf(root, path);
  if (parent === undefined) root.whole = null;
  else if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else Reflect.deleteProperty(parent as object, key);
}

function set(root: Root, path: Path, value: JsonValue): void {
  const [parent, key] = parentOf(root, path);
  if (parent === undefined) root.whole = value;
  else if (Array.isArray(parent)) parent[indexIn(parent, key, parent.length - 1)] = value;
  else if (!isObject(parent)) throw invalid(`the patch names '${clip(key)}' in ${describe(parent)}, which has no members`);
  // A member may be called __proto__, which an assignment would take for something else.
  else Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
}

/** What the path's last key is a member of; undefined for the whole document. */
function parentOf(root: Root, path: Path): [JsonValue | undefined, string] {
  return path.length === 0 ? [undefined, ""] : [read(root.whole, path.slice(0, -1)), path.at(-1) as string];
}

function copyOf(value: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

function read(document: JsonValue, path: Path): JsonValue {
  return path.reduce(member, document);
}

function member(parent: JsonValue, key: string): JsonValue {
  if (Array.isArray(parent)) return parent[indexIn(parent, key, parent.length - 1)] as JsonValue;
  if (!isObject(parent) || !Object.hasOwn(parent, key))
    throw invalid(`the patch names '${clip(key)}', and ${describe(parent)} has no such member`);
  return parent[key] as JsonValue;
}

function indexIn(list: readonly JsonValue[], key: string, last: number): number {
  if (/^(?:0|[1-9]\d{0,8})$/.test(key) && Number(key) <= last) return Number(key);
  throw invalid(`the patch names element '${clip(key)}' of ${describe([...list])}`);
}

/** A JSON Pointer (RFC 6901). */
function pathIn(operation: JsonObject, name: "path" | "from"): Path {
  const pointer = operation[name];
  if (pointer === "") return [];
  if (typeof pointer !== "string" || !pointer.startsWith("/")) {
    throw invalid(`${name} of an operation is ${describe(pointer)}; expected a JSON Pointer such as /spec/predictor`);
  }
  return pointer
    .slice(1)
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function valueIn({ value }: JsonObject, where: string): JsonValue {
  if (value === undefined) throw invalid(`${where} has no value`);
  return value;
}

function clip(text: string): string {
  return text.length > 128 ? `${text.slice(0, 128)}…` : text;
}

function invalid(message: string): InvalidResourceError {
  return new InvalidResourceError([{ path: "", message }]);
}
