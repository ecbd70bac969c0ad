/** Annotations of InferenceServices that this server reads. */
export const ANNOTATIONS = {
  /** "true": nothing runs, the resource stays (KServe's own). */
  stop: "serving.kserve.io/stop",
  /** "exact": serve with the framework version that the artefact records or not at all. */
  frameworkVersion: "nitrous/framework-version",
  /** "pickle", "code" (the model's own Python or TypeScript, and pickles) or "sha256:HEX" (whatever is in that file) may run. */
  trust: "nitrous/trust",
  /** Expected SHA-256 of the file at storageUri, hex. */
  sha256: "nitrous/sha256",
  /** Absolute folder that a relative storageUri begins at. */
  baseDirectory: "nitrous/base-directory",
  /** The file or folder that it was applied from, for pruning. */
  appliedFrom: "nitrous/applied-from",
} as const;
