import { z } from "zod";
import { closestNames } from "../../core/closest.ts";
import { type FieldPath, formatPath } from "../field-path.ts";

/** How far below a place a field is looked for; deeper ones are of other things. */
const MAX_STEPS = 4;
/** Lists of names longer than this help nobody. */
const MAX_NAMES = 8;

/** What to do about a field that its place does not know, and the known field that was probably meant. */
export interface Advice {
  readonly message: string;
  readonly meant?: string;
}

/** Advice about the unknown field `name` of the map at `path`. */
export function adviseOnUnknown(root: z.ZodType, path: FieldPath, name: string): Advice {
  const here = schemaAt(root, path);
  const names = Object.keys(shapeOf(here) ?? {});
  const sameButCase = names.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  if (sameButCase !== undefined) return didYouMean(sameButCase);
  const below = here === undefined ? undefined : placeBelow(here, name);
  if (below !== undefined) return belongsTo([...path, ...below]);
  const [closest] = closestNames(name, names);
  if (closest !== undefined) return didYouMean(closest);
  for (let length = path.length - 1; length >= 0; length--) {
    const around = path.slice(0, length);
    const schema = schemaAt(root, around);
    const place = schema === undefined ? undefined : placeBelow(schema, name, true);
    if (place !== undefined) return belongsTo([...around, ...place]);
  }
  const known = names.length > 0 && names.length <= MAX_NAMES ? `; expected one of ${names.join(", ")}` : "";
  return { message: `unknown field${known}` };
}

function didYouMean(meant: string): Advice {
  return { message: `unknown field; did you mean ${meant}?`, meant };
}

function belongsTo(place: FieldPath): Advice {
  const where = formatPath(place);
  return { message: `unknown field here; it belongs ${where === "" ? "at the top of the document" : `under ${where}`}` };
}

type Step = readonly [schema: z.ZodType, path: readonly string[]];

/** The nearest map below a schema that knows the field; the schema itself only when asked. */
function placeBelow(schema: z.ZodType, name: string, itself = false): readonly string[] | undefined {
  const seen = new Set<z.ZodType>();
  let level: Step[] = [[schema, []]];
  for (let step = 0; step < MAX_STEPS; step++) {
    const next: Step[] = [];
    for (const [each, path] of level) {
      const shape = shapeOf(each);
      if (shape === undefined || seen.has(each)) continue;
      seen.add(each);
      if ((itself || path.length > 0) && Object.hasOwn(shape, name)) return path;
      for (const [key, field] of Object.entries(shape)) next.push([plain(field), [...path, key]]);
    }
    level = next;
  }
  return undefined;
}

function schemaAt(root: z.ZodType, path: FieldPath): z.ZodType | undefined {
  let schema: z.ZodType | undefined = plain(root);
  for (const segment of path) {
    if (schema instanceof z.ZodArray) schema = schema.element as z.ZodType;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType as z.ZodType;
    else schema = shapeOf(schema)?.[segment];
    if (schema === undefined) return undefined;
    schema = plain(schema);
  }
  return schema;
}

function shapeOf(schema: z.ZodType | undefined): Readonly<Record<string, z.ZodType>> | undefined {
  return schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>) : undefined;
}

function plain(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return plain(schema.unwrap() as z.ZodType);
  return schema;
}
