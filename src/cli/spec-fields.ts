import { z } from "zod";

const someText = z.string().optional().catch(undefined);
const format = z.object({ name: z.string(), version: z.union([z.string(), z.number()]).transform(String).optional().catch(undefined) });
const model = z.object({
  modelFormat: format.optional().catch(undefined),
  storageUri: someText,
  runtime: someText,
  protocolVersion: someText,
});
const service = z.object({ predictor: z.record(z.string(), z.unknown()).catch({}) });
const runtime = z.object({
  supportedModelFormats: z
    .array(
      z.object({
        name: z.string(),
        version: format.shape.version,
        autoSelect: z.boolean().optional().catch(undefined),
        priority: z.number().optional().catch(undefined),
      }),
    )
    .catch([]),
  protocolVersions: z.array(z.string()).catch([]),
  disabled: z.boolean().catch(false),
  multiModel: z.boolean().catch(false),
  containers: z.array(z.object({ name: z.string(), image: someText, command: z.array(z.string()).catch([]) })).catch([]),
});

/** What people ask of a predictor's spec. */
export interface PredictorFields {
  /** `sklearn`, or `sklearn:1` with a version. */
  readonly format: string | undefined;
  readonly storageUri: string | undefined;
  readonly runtime: string | undefined;
  readonly protocol: string | undefined;
}

/** Of a spec of any KServe version: the format stands in `model`, or is the name of a key beside it. */
export function predictorFields(spec: unknown): PredictorFields {
  const { predictor } = service.catch({ predictor: {} }).parse(spec);
  const modern = model.safeParse(predictor.model).data;
  const [legacyName, legacyValue] = Object.entries(predictor).find(([, value]) => isModelLike(value)) ?? [];
  const fields = modern ?? model.safeParse(legacyValue).data;
  const { name = modern === undefined ? legacyName : undefined, version } = fields?.modelFormat ?? {};
  return {
    format: name === undefined ? undefined : nameAndVersion(name, version),
    storageUri: fields?.storageUri,
    runtime: fields?.runtime,
    protocol: fields?.protocolVersion,
  };
}

export type RuntimeFields = z.infer<typeof runtime>;

/** What people ask of a runtime's spec. */
export function runtimeFields(spec: unknown): RuntimeFields {
  return runtime.parse(typeof spec === "object" && spec !== null ? spec : {});
}

/** The container that models run in: KServe's, else the first. */
export function containerOf(spec: unknown): { readonly image: string | undefined; readonly command: readonly string[] } {
  const { containers } = runtimeFields(spec);
  const { image, command = [] } = containers.find(({ name }) => name === "kserve-container") ?? containers[0] ?? {};
  return { image, command };
}

export function nameAndVersion(name: string, version: string | undefined): string {
  return version === undefined ? name : `${name}:${version}`;
}

function isModelLike(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("storageUri" in value || "storage" in value);
}
