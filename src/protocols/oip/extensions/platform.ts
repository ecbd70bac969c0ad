import type { ModelDescription } from "../../../core/replica.ts";

/**
 * Platform and backend of a model, as metadata and configurations name them: its own configuration's, Triton's words for its framework, else the
 * framework's name.
 */
export function platformOf(description: Pick<ModelDescription, "framework" | "configuration"> | undefined): {
  readonly platform: string;
  readonly backend: string;
} {
  const { framework = "", configuration } = description ?? {};
  const said = [configuration?.platform, configuration?.backend].map((text) => (typeof text === "string" ? text : ""));
  const [platform = "", backend = ""] = said;
  if (platform !== "" || backend !== "") return { platform: platform || backend, backend };
  return framework === "onnxruntime" ? { platform: "onnxruntime_onnx", backend: framework } : { platform: framework, backend: framework };
}
