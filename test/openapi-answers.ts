import { Ajv2020 } from "ajv/dist/2020.js";
import type { OpenApiDocument } from "../src/openapi/index.ts";

export interface Answered {
  /** As the document has it. */
  readonly path: string;
  readonly method: string;
  readonly status: number;
  /** Without parameters; empty for an answer that has none. */
  readonly type: string;
  readonly body: string;
}

interface Described {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>>;
}

/** Says what is wrong with an answer by the document; empty when nothing is. */
export function answerChecker(document: OpenApiDocument): (answer: Answered) => string {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addSchema(document, "openapi.json");
  return ({ path, method, status, type, body }) => {
    const operation = document.paths[path]?.[method.toLowerCase()] as Described | undefined;
    if (operation === undefined) return "no such operation";
    const key = [String(status), `${Math.floor(status / 100)}XX`].find((each) => operation.responses[each] !== undefined);
    if (key === undefined) return `the status ${status} is not described`;
    const content = operation.responses[key]?.content;
    if (content === undefined) return body === "" ? "" : `the answer should be empty and is ${body.slice(0, 200)}`;
    const media = [type, "*/*"].find((each) => content[each] !== undefined);
    if (media === undefined) return `the type ${type} is not described`;
    if (content[media]?.schema === undefined) return "";
    const pointer = ["paths", path, method.toLowerCase(), "responses", key, "content", media, "schema"].map(escapePointer).join("/");
    const validate = ajv.getSchema(`openapi.json#/${pointer}`);
    if (validate === undefined) return `no schema at ${pointer}`;
    // A watch is one object a line.
    const values = type === "application/json" && /\}\n\{/.test(body) ? body.trim().split("\n") : [body];
    return values.every((value) => validate(JSON.parse(value))) ? "" : ajv.errorsText(validate.errors);
  };
}

/** RFC 6901, in a URI. */
function escapePointer(part: string): string {
  return encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
}
