import { ServeError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/inference.ts";

const TRUE = new Set(["true", "1", "yes", "on"]);
const FALSE = new Set(["false", "0", "no", "off"]);

/**
 * What a service's arguments say to the model. A model that declares `settings` with defaults gets all of these, converted to the types
 * of the defaults; one that does not gets them as they are, if its constructor or its `load` takes them.
 * @throws ServeError INVALID_ARGUMENT for a setting that the model does not take, or a value of another type
 */
export function readSettings(given: JsonObject, declared: unknown, takesThem: boolean): Record<string, unknown> {
  const names = Object.keys(given);
  if (typeof declared !== "object" || declared === null) {
    if (names.length === 0 || takesThem) return { ...given };
    throw new ServeError(
      "INVALID_ARGUMENT",
      `the model takes no setting ${names.join(", ")}: its constructor and its load take none; declare them with defaults, as in settings = { ${names[0]}: "" }`,
    );
  }
  const defaults = declared as Readonly<Record<string, unknown>>;
  const unknown = names.filter((name) => !Object.hasOwn(defaults, name));
  if (unknown.length > 0) {
    const known = Object.keys(defaults).join(", ") || "none";
    throw new ServeError("INVALID_ARGUMENT", `the model takes no setting ${unknown.join(", ")}; it takes ${known}`);
  }
  return { ...defaults, ...Object.fromEntries(names.map((name) => [name, converted(name, given[name], defaults[name])])) };
}

function converted(name: string, value: unknown, like: unknown): unknown {
  const wrong = (expected: string): ServeError =>
    new ServeError("INVALID_ARGUMENT", `the setting ${name} is ${JSON.stringify(value)}: expected ${expected}`);
  if (typeof like === "number") {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number === "number" && !Number.isNaN(number)) return number;
    throw wrong("a number");
  }
  if (typeof like === "boolean") {
    const text = String(value).toLowerCase();
    if (TRUE.has(text) || FALSE.has(text)) return TRUE.has(text);
    throw wrong("true or false");
  }
  if (typeof like === "string" && typeof value !== "string") throw wrong("text");
  return value;
}
