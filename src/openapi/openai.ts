import { z } from "zod";
import { at, json, named, type Operation, type Protocol, question } from "./operation.ts";
import { anything, count, flag, text } from "./wire.ts";

export const openAiModel = named(
  "OpenAiModel",
  z.object({ id: text, object: z.literal("model"), created: count.meta({ description: "Seconds since 1970." }), owned_by: text }),
);

/** What the model's own server takes besides is its own. */
const passedOn = named(
  "OpenAiRequest",
  z.looseObject({ model: text.meta({ description: "Its name, or its namespace and name." }), stream: flag.nullish() }),
);

const passing = (summary: string, ...others: readonly string[]): Operation => ({
  summary: `${summary}: body and answer are those of the model's own server`,
  body: { required: true, contents: { ...json(passedOn), ...Object.fromEntries(others.map((type) => [type, undefined])) } },
  answers: { 200: { ...json(anything), "text/event-stream": undefined, "*/*": undefined } },
});

const both = (path: string): readonly string[] => [`/openai/v1${path}`, `/v1${path}`];

export const openAi: Protocol = {
  tag: "OpenAI",
  error: named("OpenAiError", z.object({ error: z.object({ message: text, type: text, param: text.nullable(), code: text.nullable() }) })),
  operations: {
    "GET /openai/v1/models": question(
      "Models that speak this protocol",
      named("OpenAiModels", z.object({ object: z.literal("list"), data: z.array(openAiModel) })),
    ),
    "GET /openai/v1/models/{model}": question("One of them", openAiModel),
    ...at("POST", both("/chat/completions"), passing("Chat")),
    ...at("POST", both("/completions"), passing("Complete a text")),
    ...at("POST", both("/responses"), passing("OpenAI's responses")),
    ...at("POST", both("/embeddings"), passing("Embed texts")),
    ...at("POST", both("/moderations"), passing("Moderate texts")),
    ...at("POST", both("/rerank"), passing("Rank documents, as vLLM does")),
    ...at("POST", both("/score"), passing("Score pairs of texts, as vLLM does")),
    ...at("POST", both("/audio/speech"), passing("Speak a text")),
    ...at("POST", both("/audio/transcriptions"), passing("Transcribe speech", "multipart/form-data")),
    ...at("POST", both("/audio/translations"), passing("Translate speech", "multipart/form-data")),
    ...at("POST", both("/images/generations"), passing("Make images")),
    ...at("POST", both("/images/edits"), passing("Change images", "multipart/form-data")),
  },
};
