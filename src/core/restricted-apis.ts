/** Parts of the Open Inference Protocol that can be restricted, in Triton's words. */
const API_CATEGORIES = [
  "health",
  "metadata",
  "inference",
  "shared-memory",
  "model-config",
  "model-repository",
  "statistics",
  "trace",
  "logging",
] as const;

export type ApiCategory = (typeof API_CATEGORIES)[number];

/** What a request for a restricted part must have. */
export interface Restriction {
  /** As the operator wrote it. */
  readonly header: string;
  readonly value: string;
}

export type Restrictions = ReadonlyMap<ApiCategory, Restriction>;

const RESTRICTIONS_RULE = "API,API:HEADER=VALUE with semicolons between several, such as model-repository,logging:x-admin=secret";

/** What the text says, as Triton's `--http-restricted-api` has it; or what is wrong with it. */
export function parseRestrictions(text: string): Restrictions | string {
  const restrictions = new Map<ApiCategory, Restriction>();
  for (const group of text.split(";")) {
    if (group.trim() === "") continue;
    const [, names = "", header, value] = /^([a-z,\s-]+):\s*([A-Za-z0-9-]+)=(.+)$/s.exec(group.trim()) ?? [];
    if (header === undefined || value === undefined) return `expected ${RESTRICTIONS_RULE}`;
    for (const name of names.split(",").map((each) => each.trim())) {
      const category = API_CATEGORIES.find((each) => each === name);
      if (category === undefined) return `unknown restricted api '${name}'; there are ${API_CATEGORIES.join(", ")}`;
      if (restrictions.has(category)) return `restricted api '${name}' can not be specified in multiple config groups`;
      restrictions.set(category, { header, value });
    }
  }
  return restrictions;
}
