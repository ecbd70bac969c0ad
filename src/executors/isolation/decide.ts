import { FORMATS } from "../../core/formats.ts";
import type { ModelSpec } from "../../core/model.ts";
import { type Level, type Mechanisms, strongest } from "./mechanisms.ts";

/** The setting `isolation`. */
export type IsolationMode = "auto" | "off" | "required";

export type Isolation =
  | { readonly kind: "open" }
  | { readonly kind: "confined"; readonly level: Level }
  | { readonly kind: "refused"; readonly reason: string };

/** Whether a model's host is confined, and how. Models that somebody trusts are not. */
export function decideIsolation(
  { format, trust }: Pick<ModelSpec, "format" | "trust">,
  mode: IsolationMode,
  mechanisms: Mechanisms,
): Isolation {
  if (mode === "off" || trust !== undefined) return { kind: "open" };
  const level = strongest(mechanisms);
  if (level !== undefined) return { kind: "confined", level };
  if (mode === "auto" && FORMATS[format].code !== "always") return { kind: "open" };
  const problems = mechanisms.levels.map(({ level: name, problem }) => `${name}: ${problem}`).join("; ");
  const hint = mode === "required" ? "serve with --isolation auto" : "trust it with nitrous/trust: code, or serve with --isolation off";
  return { kind: "refused", reason: `this machine cannot confine it (${problems}); ${hint}` };
}
