import { z } from "zod";
import type { ReplicaCounts } from "../core/scaling.ts";
import type { Signature, TensorSpec } from "../core/signature.ts";
import { DATATYPE_SIZES, type Datatype } from "../core/tensor.ts";
import { named } from "./operation.ts";

/** Terms that several protocols have. `satisfies` and the strictness of objects keep them to what is sent: a field more or less fails. */
export const text = z.string();
export const flag = z.boolean();
export const count = z.int().min(0);
export const anything = z.unknown();
export const object = z.looseObject({});

export const datatype = z.enum(Object.keys(DATATYPE_SIZES) as [Datatype, ...Datatype[]]);

export const plainError = named("Error", z.object({ error: text }));
/** What no route takes is of no protocol; `detail` is what KServe's clients look for. */
export const unknownPath = named("UnknownPath", z.object({ error: text, detail: text }));
export const codedError = named(
  "CodedError",
  z.object({ error: text, code: text.meta({ description: "A status of gRPC, such as NOT_FOUND." }) }),
);

export const modelList = named("ModelList", z.object({ models: z.array(text) }));
export const readiness = named("Readiness", z.object({ name: text, ready: flag }));
export const notReady = named("NotReady", z.union([z.object({ name: text, ready: z.literal(false), error: text }), plainError]));

const tensorSpec = named(
  "TensorSpec",
  z.object({ name: text, datatype, shape: z.array(z.int()), optional: flag.exactOptional(), declared: flag.exactOptional() }),
) satisfies z.ZodType<TensorSpec>;

export const signature = named(
  "Signature",
  z.object({
    accepts: z.enum(["tensors", "matrix", "frame", "json"]),
    inputs: z.array(tensorSpec),
    outputs: z.array(tensorSpec),
    columns: z.array(text).exactOptional(),
    convertsNumbers: flag.exactOptional(),
    batchable: flag.exactOptional(),
    stateful: flag.exactOptional(),
    streaming: flag.exactOptional(),
    sizing: z
      .object({
        padding: z.record(text, z.union([z.number(), text, flag])).exactOptional(),
        unpad: z.record(text, text).exactOptional(),
        cost: text.exactOptional(),
      })
      .exactOptional(),
  }),
) satisfies z.ZodType<Signature>;

export const replicas = named(
  "Replicas",
  z.object({
    ready: count,
    starting: count,
    leaving: count,
    wanted: count,
    least: count,
    most: count,
    auto: flag,
    obstacle: text.optional(),
  }),
) satisfies z.ZodType<Omit<ReplicaCounts, "obstacle">>;
