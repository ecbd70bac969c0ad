/** What the server knows of a format before it opens anything of it. */
export interface FormatFacts {
  /** Which of this server's own hosts loads it; "upstream": a server of its own does; "server": it runs in the server's own process. */
  readonly host: "python" | "node" | "upstream" | "server";
  /**
   * Whether an artefact of it is code. "always": it is refused before its host starts when nobody trusts it; "perhaps": its host
   * looks, and refuses code that nobody trusts; "never": it is data, or a pickle that goes through an allow-list.
   */
  readonly code: "always" | "perhaps" | "never";
  /** Resident bytes of a host with the framework imported and a tiny model, measured or rounded up, on Linux x86-64. */
  readonly hostBytes: number;
  /** Its framework puts models on a GPU by itself when it sees one. */
  readonly takesDevice?: true;
}

const MEBIBYTE = 1048576;

/** Every format that a host loads. What KServe calls one may be several here: `huggingface` is in Python or in Node by what is in its folder. */
export const FORMATS = {
  sklearn: { host: "python", code: "never", hostBytes: 150 * MEBIBYTE },
  xgboost: { host: "python", code: "never", hostBytes: 150 * MEBIBYTE },
  lightgbm: { host: "python", code: "never", hostBytes: 150 * MEBIBYTE },
  catboost: { host: "python", code: "never", hostBytes: 170 * MEBIBYTE },
  pmml: { host: "python", code: "never", hostBytes: 100 * MEBIBYTE },
  tensorflow: { host: "python", code: "perhaps", hostBytes: 640 * MEBIBYTE, takesDevice: true },
  keras: { host: "python", code: "perhaps", hostBytes: 700 * MEBIBYTE, takesDevice: true },
  pytorch: { host: "python", code: "perhaps", hostBytes: 650 * MEBIBYTE, takesDevice: true },
  mar: { host: "python", code: "perhaps", hostBytes: 650 * MEBIBYTE, takesDevice: true },
  huggingface: { host: "python", code: "perhaps", hostBytes: 800 * MEBIBYTE, takesDevice: true },
  "huggingface-onnx": { host: "node", code: "never", hostBytes: 100 * MEBIBYTE },
  mlflow: { host: "python", code: "perhaps", hostBytes: 230 * MEBIBYTE },
  onnx: { host: "node", code: "never", hostBytes: 90 * MEBIBYTE },
  python: { host: "python", code: "always", hostBytes: 45 * MEBIBYTE },
  typescript: { host: "node", code: "always", hostBytes: 80 * MEBIBYTE },
  /** A model.py for Triton's Python backend. */
  "triton-python": { host: "python", code: "always", hostBytes: 45 * MEBIBYTE },
  /** Other models, one after the other and beside each other, as Triton's ensembles have it. */
  ensemble: { host: "server", code: "never", hostBytes: MEBIBYTE },
  /** Whatever its server loads. */
  upstream: { host: "upstream", code: "never", hostBytes: 200 * MEBIBYTE },
} as const satisfies Readonly<Record<string, FormatFacts>>;

export type ModelFormat = keyof typeof FORMATS;

/** The formats that a `modelFormat.name` of a resource stands for, where that is not the one of the same name. */
const NAMED_OTHERWISE: Readonly<Record<string, readonly ModelFormat[]>> = {
  huggingface: ["huggingface", "huggingface-onnx"],
  pytorch: ["pytorch", "mar"],
  savedmodel: ["tensorflow"],
  skops: ["sklearn"],
};

/** The formats that artefacts may have under a `modelFormat.name`; none for a name that no host knows. */
export function formatsNamed(name: string): readonly ModelFormat[] {
  return NAMED_OTHERWISE[name] ?? (Object.hasOwn(FORMATS, name) ? [name as ModelFormat] : []);
}

/** The `modelFormat.name` under which KServe knows a format. */
export function nameOfFormat(format: ModelFormat): string {
  return format === "mar" ? "pytorch" : format === "huggingface-onnx" ? "huggingface" : format;
}
