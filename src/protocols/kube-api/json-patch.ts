import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "../../core/inference.ts";
import { InvalidResourceError } from "../../core/resource.ts";
import { describe, isObject, type JsonObject } from "../shared/index.ts";

type Path = readonly string[];
/** Each operation copies the objects on its path. */
const MAX_OPERATIONS = 500;

type Change = (parent: JsonValue, key: string) => JsonValue;

/** Copies can double a document with each operation. Characters of JSON text. */
const MAX_COPIED = 3 * 1024 * 1024;

/**
 * JSON Patch (RFC 6902): the document after all operations; the one given is left as it is.
 * @throws InvalidResourceError when the patch is not one, does not fit the document, or a test in it fails
 */
export function jsonPatch(document: JsonValue, patch: JsonValue): JsonValue {
  if (!Array.isArray(patch)) throw invalid(`the patch is ${describe(patch)}; expected a list of operations`);
  if (patch.length > MAX_OPERATIONS) throw invalid(`the patch has ${patch.length} operations; at most ${MAX_OPERATIONS} are taken`);
  let result = document;
  let copied = 0;
  for (const [index, operation] of patch.entries()) {
    const where = `operation ${index} of the patch`;
    if (!isObject(operation)) throw invalid(`${where} is ${describe(operation)}; expected an object`);
    if (operation.op === "copy") copied += JSON.stringify(read(result, pathIn(operation, "from"))).length;
    if (copied > MAX_COPIED) throw invalid(`${where} copies too much`);
    result = applied(result, operation, where);
  }
  return result;
}

function applied(document: JsonValue, operation: JsonObject, where: string): JsonValue {
  const path = pathIn(operation, "path");
  switch (operation.op) {
    case "add":
      return add(document, path, valueIn(operation, where));
    case "replace":
      return replace(document, path, valueIn(operation, where));
    case "remove":
      return remove(document, path);
    case "copy":
      return add(document, path, read(document, pathIn(operation, "from")));
    case "move": {
      const from = pathIn(operation, "from");
      if (from.length < path.length && from.every((key, index) => key === path[index])) throw invalid(`${where} moves a value into itself`);
      return add(remove(document, from), path, read(document, from));
    }
    case "test":
      if (isDeepStrictEqual(read(document, path), valueIn(operation, where))) return document;
      throw invalid(`${where} tests ${clip(String(operation.path))}, which has another value`);
    default:
      throw invalid(`${where} has the op ${describe(operation.op)}; expected add, remove, replace, move, copy or test`);
  }
}

function add(document: JsonValue, path: Path, value: JsonValue): JsonValue {
  return change(document, path, value, (parent, key) => {
    if (!Array.isArray(parent)) return withMember(parent, key, value);
    return parent.toSpliced(key === "-" ? parent.length : indexIn(parent, key, parent.length), 0, value);
  });
}

function replace(document: JsonValue, path: Path, value: JsonValue): JsonValue {
  read(document, path);
  return change(document, path, value, (parent, key) => withMember(parent, key, value));
}

function remove(document: JsonValue, path: Path): JsonValue {
  read(document, path);
  return change(document, path, null, (parent, key) => {
    if (Array.isArray(parent)) return parent.toSpliced(Number(key), 1);
    return Object.fromEntries(Object.entries(parent as JsonObject).filter(([name]) => name !== key));
  });
}

/** The document with `edit` made to the parent of what `path` names; the whole document becomes `whole`. */
function change(document: JsonValue, path: Path, whole: JsonValue, edit: Change): JsonValue {
  const [key, ...rest] = path;
  if (key === undefined) return whole;
  if (rest.length === 0) return edit(document, key);
  return withMember(document, key, change(member(document, key), rest, whole, edit));
}

function withMember(parent: JsonValue, key: string, value: JsonValue): JsonValue {
  if (Array.isArray(parent)) return parent.with(indexIn(parent, key, parent.length - 1), value);
  if (!isObject(parent)) throw invalid(`the patch names '${clip(key)}' in ${describe(parent)}, which has no members`);
  return Object.fromEntries([...Object.entries(parent), [key, value]]);
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
