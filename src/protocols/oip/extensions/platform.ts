/** Platform and backend of a framework, as metadata and configurations name them: Triton's words where it has them, else its own name. */
export function platformOf(framework = ""): { readonly platform: string; readonly backend: string } {
  return framework === "onnxruntime" ? { platform: "onnxruntime_onnx", backend: framework } : { platform: framework, backend: framework };
}
