import { inspect } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow";

/** Puts a style around a text; where colours are not wanted, does nothing. */
export type Paint = (style: Style | undefined, text: string) => string;

export function createPaint(colour: boolean): Paint {
  return (style, text) => {
    const codes = style === undefined ? undefined : inspect.colors[style];
    return !colour || codes === undefined || text === "" ? text : `\u001b[${codes[0]}m${text}\u001b[${codes[1]}m`;
  };
}

/** Whether a stream takes colours: it is a terminal, and nobody asked for none (https://no-color.org). */
export function wantsColour(stream: { readonly isTTY?: boolean }, environment: Readonly<Record<string, string | undefined>>): boolean {
  return stream.isTTY === true && (environment.NO_COLOR ?? "") === "" && environment.TERM !== "dumb";
}
