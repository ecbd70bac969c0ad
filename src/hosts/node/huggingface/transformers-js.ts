import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf, ServeError } from "../../../core/errors.ts";
import { resampled } from "./resample.ts";

/** A tensor of Transformers.js. */
export interface JsTensor {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
  readonly type: string;
}

/** An image of Transformers.js: pixels row by row. */
export interface JsImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
  rgb(): JsImage;
  toSharp(): { png(): { toBuffer(): Promise<Buffer> } };
}

/** A pipeline of Transformers.js, and the parts that it is made of. */
export interface JsPipeline {
  (input: unknown, options?: Readonly<Record<string, unknown>>): Promise<unknown>;
  readonly processor: { (images: readonly JsImage[]): Promise<Record<string, JsTensor>>; readonly feature_extractor?: unknown };
  readonly model: {
    (inputs: Record<string, JsTensor>): Promise<Record<string, JsTensor>>;
    readonly config: { readonly id2label?: Record<string, string> };
  };
  dispose(): Promise<void>;
}

/** As much of the package as is used. */
export interface TransformersJs {
  readonly env: Record<string, unknown>;
  pipeline(task: string, model: string, options: Readonly<Record<string, unknown>>): Promise<JsPipeline>;
  readonly RawImage: {
    new (data: Uint8Array, width: number, height: number, channels: number): JsImage;
    fromBlob(blob: Blob): Promise<JsImage>;
    readonly prototype: { resize: typeof resize };
  };
}

/** Set by the server when it has installed the package (src/environments/node-packages.ts). */
const PACKAGES = "NITROUS_PACKAGES";

/** Transformers.js, which fetches nothing. @throws ServeError FAILED_PRECONDITION when it is not installed */
export async function importTransformers(): Promise<TransformersJs> {
  const folder = process.env[PACKAGES];
  if (folder === undefined) {
    const hint = "the server installs it for folders with a preprocessor_config.json or processor_config.json: does this one lack it?";
    throw new ServeError("FAILED_PRECONDITION", `the task needs Transformers.js; ${hint}`);
  }
  try {
    const file = createRequire(join(folder, "package.json")).resolve("@huggingface/transformers");
    const library = (await import(pathToFileURL(file).href)) as TransformersJs & { default?: TransformersJs };
    const found = library.default?.pipeline === undefined ? library : library.default;
    found.RawImage.prototype.resize = resize;
    Object.assign(found.env, { allowRemoteModels: false, allowLocalModels: true, useFSCache: false, useBrowserCache: false });
    return found;
  } catch (error) {
    throw new ServeError(
      "FAILED_PRECONDITION",
      `Transformers.js cannot be imported: ${messageOf(error)}; remove ${folder} to have it installed again`,
    );
  }
}

/**
 * In place of its own, which leaves pixels out where an image is made smaller: processors in Python do not, and models were trained with
 * theirs. `resample` is Pillow's number.
 */
async function resize(
  this: JsImage,
  width: number | null | undefined,
  height: number | null | undefined,
  { resample = 2 }: { resample?: number } = {},
): Promise<JsImage> {
  const columns = Math.round(width ?? ((height ?? this.height) / this.height) * this.width);
  const rows = Math.round(height ?? ((width ?? this.width) / this.width) * this.height);
  if (columns === this.width && rows === this.height) return this;
  const { data } = resampled(this, columns, rows, resample);
  const image = this.constructor as TransformersJs["RawImage"];
  return new image(data, columns, rows, this.channels);
}

/**
 * A pipeline on a model's folder, with the graph that is named.
 * @throws ServeError INVALID_ARGUMENT when the folder lacks something
 */
export async function openPipeline(
  library: TransformersJs,
  task: string,
  directory: string,
  graph: string,
  threads: number,
): Promise<JsPipeline> {
  library.env.localModelPath = `${dirname(directory)}/`;
  const isBelow = basename(dirname(graph)) === "onnx";
  const [, file = "model"] = /^(.*)\.onnx$/.exec(basename(graph)) ?? [];
  try {
    return await library.pipeline(task, basename(directory), {
      device: "cpu",
      // The file's own name says what its weights are.
      dtype: "fp32",
      model_file_name: file,
      subfolder: isBelow ? "onnx" : "",
      local_files_only: true,
      session_options: { intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 },
    });
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `its folder cannot be read for ${task}: ${messageOf(error)}`);
  }
}
