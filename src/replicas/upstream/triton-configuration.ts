/** Triton's file beside the versions of a model, in protocol buffers' text format. */
export const TRITON_CONFIGURATION = "config.pbtxt";

const TEXT = String.raw`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'`;
const TOKENS = new RegExp(String.raw`\bname\s*:\s*(?:${TEXT})(?:\s*[,;])?|${TEXT}|#[^\n]*|[{}[\]]`, "g");

/** A model's configuration without the name that it gives the model, which is then that of its folder; inputs and outputs keep theirs. */
export function withoutModelName(configuration: string): string {
  let depth = 0;
  return configuration.replace(TOKENS, (token) => {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    return depth === 0 && token.startsWith("name") ? "" : token;
  });
}
