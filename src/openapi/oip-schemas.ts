import { z } from "zod";
import type { LogSettingsAnswer, ModelStatisticsRow, RepositoryIndexRow, TraceSettingAnswer } from "../protocols/oip/rest/index.ts";
import { named } from "./operation.ts";
import { anything, count, datatype, flag, object, text } from "./wire.ts";

const parameters = named("Parameters", z.record(text, z.union([text, z.number(), flag])));

export const serverMetadata = named("ServerMetadata", z.object({ name: text, version: text, extensions: z.array(text) }));

const tensorMetadata = z.object({ name: text, datatype, shape: z.array(z.int()), parameters: z.object({ optional: flag }).optional() });
export const modelMetadata = named(
  "ModelMetadata",
  z.object({
    name: text,
    versions: z.array(text),
    platform: text,
    inputs: z.array(tensorMetadata),
    outputs: z.array(tensorMetadata),
    properties: z.object({ methods: text, default_method: text }).optional(),
  }),
);
export const methodMetadata = named(
  "MethodMetadata",
  z.object({ name: text, method: text, streaming: flag, inputs: z.array(tensorMetadata), outputs: z.array(tensorMetadata) }),
);

export const inferRequest = named(
  "InferRequest",
  z.object({
    id: text.optional(),
    parameters: parameters.optional(),
    inputs: z.array(
      z.object({
        name: text,
        datatype,
        shape: z.array(count),
        parameters: parameters.optional(),
        data: z
          .array(anything)
          .optional()
          .meta({ description: "Nested or flat; absent where the bytes are behind the JSON, or in shared memory." }),
      }),
    ),
    outputs: z.array(z.object({ name: text, parameters: parameters.optional() })).optional(),
  }),
);
export const inferAnswer = named(
  "InferAnswer",
  z.object({
    model_name: text,
    model_version: text,
    id: text.optional(),
    outputs: z.array(
      z.object({
        name: text,
        shape: z.array(count),
        datatype,
        parameters: parameters.optional(),
        data: z.array(z.union([z.number(), text, flag, z.null()])).optional(),
      }),
    ),
  }),
);

const one = z.union([z.number(), text, flag, z.null()]);
export const generateRequest = named(
  "GenerateRequest",
  z.object({ id: text.optional(), parameters: parameters.optional() }).catchall(z.union([one, z.array(one)])),
);
export const generateAnswer = named(
  "GenerateAnswer",
  z.object({ id: text.optional(), model_name: text, model_version: text }).catchall(z.union([one, z.array(one)])),
);

const duration = named("StatisticDuration", z.object({ count, ns: count }));
const statisticsRow = z.object({
  name: text,
  version: text,
  last_inference: count,
  inference_count: count,
  execution_count: count,
  inference_stats: z.object({
    success: duration,
    fail: duration,
    queue: duration,
    compute_input: duration,
    compute_infer: duration,
    compute_output: duration,
    cache_hit: duration,
    cache_miss: duration,
  }),
  response_stats: z.record(text, z.never()),
  batch_stats: z.array(z.object({ batch_size: count, compute_input: duration, compute_infer: duration, compute_output: duration })),
  memory_usage: z.array(z.object({ type: z.literal("CPU"), id: count, byte_size: count })),
}) satisfies z.ZodType<ModelStatisticsRow>;
export const statistics = named("ModelStatistics", z.object({ model_stats: z.array(statisticsRow) }));

export const traceSetting = named(
  "TraceSetting",
  z.object({
    trace_level: z.array(text),
    trace_rate: text,
    trace_count: text,
    log_frequency: text,
    trace_file: text,
    trace_mode: z.literal("triton"),
  }),
) satisfies z.ZodType<TraceSettingAnswer>;
const number = z.union([text, z.number(), z.null()]).optional();
export const traceChange = named(
  "TraceChange",
  z.object({
    trace_level: z.union([z.array(z.enum(["OFF", "TIMESTAMPS"])), z.null()]).optional(),
    trace_rate: number,
    trace_count: number,
    log_frequency: number,
  }),
);

const logs = {
  log_file: text,
  log_info: flag,
  log_warning: flag,
  log_error: flag,
  log_verbose_level: count,
  log_format: z.enum(["default", "ISO8601"]),
};
export const logSettings = named("LogSettings", z.object(logs)) satisfies z.ZodType<LogSettingsAnswer>;
export const logChange = named("LogChange", z.object(logs).partial());

const indexRow = z.object({
  name: text,
  version: text.exactOptional(),
  state: z.enum(["READY", "UNAVAILABLE", "LOADING", "UNLOADING", "UNKNOWN"]),
  reason: text,
}) satisfies z.ZodType<RepositoryIndexRow>;
export const repositoryIndex = named("RepositoryIndex", z.array(indexRow));
export const loadRequest = named(
  "LoadRequest",
  z.object({
    parameters: z
      .record(text, text)
      .optional()
      .meta({ description: "`config`, a ModelConfig in JSON, and files in base64 as `file:PATH`." }),
  }),
);

export const region = named("SharedMemoryRegion", z.object({ name: text, key: text, offset: count, byte_size: count }));
export const registration = named("SharedMemoryRegistration", z.object({ key: text, offset: count.optional(), byte_size: count }));

const batching = z.looseObject({ preferred_batch_size: z.array(count), max_queue_delay_microseconds: count });
/** Triton's ModelConfig message has more fields than any client reads; those are named that clients look at. */
export const modelConfiguration = named(
  "ModelConfiguration",
  z.looseObject({
    name: text,
    platform: text,
    backend: text,
    version_policy: object,
    max_batch_size: count,
    input: z.array(z.looseObject({ name: text, data_type: text, dims: z.array(z.int()) })),
    output: z.array(z.looseObject({ name: text, data_type: text, dims: z.array(z.int()) })),
    dynamic_batching: batching.optional(),
    sequence_batching: object.optional(),
    instance_group: z.array(object),
    model_transaction_policy: z.object({ decoupled: flag }).optional(),
    response_cache: z.object({ enable: flag }).optional(),
  }),
);
