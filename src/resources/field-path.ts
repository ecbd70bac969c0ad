/** Where a field is in a document: keys of maps and indexes of lists. */
export type FieldPath = readonly (string | number)[];

/** Something wrong at a place, before the place is known as text and line. */
export interface Finding {
  readonly path: FieldPath;
  readonly message: string;
}

/** Characters of a key; Kubernetes' own have 317 at most. */
const MAX_SHOWN = 320;
const PLAIN_KEY = /^[A-Za-z_][\w-]*$/;

/** For example `spec.containers[0].image` or `metadata.annotations["nitrous/trust"]`; empty for the whole document. */
export function formatPath(path: FieldPath): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === "number") return `${text}[${segment}]`;
    const key = segment.length > MAX_SHOWN ? `${segment.slice(0, MAX_SHOWN)}…` : segment;
    if (!PLAIN_KEY.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");
}
