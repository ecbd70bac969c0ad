const MOST_CHARACTERS = 64;

/** A client's value in an error text: short whatever came, and safe for every JSON value, bigints too. */
export function brief(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length} values`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "string") return JSON.stringify(clip(value));
  return String(value);
}

/** A client's name, shortened when nobody would read it to its end. */
export function clip(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
