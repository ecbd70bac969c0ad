import { z } from "zod";

/** Settings for clients of Triton, and for models of its model repositories. */
export const TRITON_SETTINGS = {
  profile: z
    .enum(["kserve", "triton"])
    .default("kserve")
    .describe("whose clients this server is for, where KServe and Triton answer the same request differently"),
  "model-control": z
    .enum(["none", "poll", "explicit"])
    .optional()
    .describe(
      "who decides which models of the paths are loaded: none (all at the start, then nobody), poll (all, and again when files change), explicit (clients, and --load-model at the start); without it all are loaded, and clients may load and unload",
    ),
  "load-model": z
    .array(z.string().min(1))
    .or(z.string().transform((text) => [text]))
    .default([])
    .transform((names) => names.flatMap((text) => text.split(",")).flatMap((name) => name.trim() || []))
    .describe("models to load at the start with --model-control explicit, ensembles with their steps; may be repeated, * for all"),
  "repository-poll-secs": z.coerce
    .number()
    .positive()
    .default(15)
    .describe("seconds between two looks at the files of the paths with --model-control poll"),
  "strict-readiness": z
    .stringbool()
    .or(z.boolean())
    .default(false)
    .describe("whether the server is ready only when all models are, and not when the first one is"),
  "model-config-name": z
    .string()
    .regex(/^[^/\\]+$/, "expected a name, such as large for configs/large.pbtxt")
    .optional()
    .describe("models of a Triton repository with a file configs/NAME.pbtxt are configured by that file and not by their config.pbtxt"),
  "triton-server": z
    .string()
    .default("auto")
    .transform(serverRuleFromText)
    .describe(
      "when models of a Triton repository run in a real tritonserver of this machine: auto (when nitrous lacks their backend), off, or always-for=BACKEND,BACKEND",
    ),
} as const;

/** `always-for=python,onnxruntime` */
function serverRuleFromText(text: string, context: z.RefinementCtx): "auto" | "off" | { readonly alwaysFor: readonly string[] } {
  if (text === "auto" || text === "off") return text;
  const backends = /^always-for=(.+)$/
    .exec(text)?.[1]
    ?.split(",")
    .map((name) => name.trim());
  if (backends?.every((name) => /^[A-Za-z0-9_-]+$/.test(name)) === true) return { alwaysFor: backends };
  context.addIssue({
    code: "custom",
    message: `expected auto, off, always-for=all or backends such as always-for=python,onnxruntime, found ${JSON.stringify(text)}`,
  });
  return z.NEVER;
}
