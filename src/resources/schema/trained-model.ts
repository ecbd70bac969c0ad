import { z } from "zod";
import { dnsLabel, metadata, serviceName } from "./metadata.ts";
import { fields, oneOf, pattern, quantity, someText } from "./terms.ts";

/** KServe's `[a-zA-Z0-9_-]+`, as far as a name of a model may be so. */
const trainedModelName = pattern(
  "at most 63 letters, digits, '_' and '-', beginning with a letter or digit",
  /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
  63,
);

const model = fields({ storageUri: someText, framework: someText, memory: quantity });

export const trainedModelSchema = fields(
  {
    apiVersion: oneOf("serving.kserve.io/v1alpha1"),
    kind: oneOf("TrainedModel"),
    metadata: metadata(trainedModelName, { namespace: dnsLabel }),
    spec: fields({ inferenceService: serviceName, model }),
  },
  { status: z.unknown() },
);
