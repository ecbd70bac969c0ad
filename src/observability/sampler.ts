import { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, type Sampler, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Which requests are traced, as OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG say. Without the first, what the caller decided, and of
 * requests without a trace the share that the second names, or all.
 * @throws Error for values that OpenTelemetry does not have
 */
export function samplerOf({ OTEL_TRACES_SAMPLER: name = "", OTEL_TRACES_SAMPLER_ARG: argument = "" }: Environment): Sampler {
  switch (name) {
    case "":
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratioOf(argument)) });
    case "parentbased_always_on":
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "traceidratio":
      return new TraceIdRatioBasedSampler(ratioOf(argument));
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    default:
      throw new Error(
        `OTEL_TRACES_SAMPLER is ${JSON.stringify(name)}; expected always_on, always_off or traceidratio, or one of them after parentbased_`,
      );
  }
}

function ratioOf(text: string): number {
  if (text === "") return 1;
  const ratio = Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new Error(`OTEL_TRACES_SAMPLER_ARG is ${JSON.stringify(text)}; expected the share of requests to trace, from 0 to 1`);
}
