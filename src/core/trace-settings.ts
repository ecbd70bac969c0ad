/** What a trace of Triton's trace extension says, and of which requests there is one. */
export interface TraceSetting {
  /** Off, or when each stage of a request began. */
  level: "OFF" | "TIMESTAMPS";
  /** One of so many requests is traced. */
  rate: number;
  /** Traces that are still made; -1 for no limit. */
  count: number;
  /** Traces after which a file is ended and the next one begun; 0 for one file. */
  logFrequency: number;
}

/** What is said of one model; what is absent is as it is for all. */
export type ModelTraceSetting = Partial<TraceSetting>;

/** Clients may change it while the server runs. */
export interface TraceSettings {
  /** File of the traces, as the operator named it; empty where no traces are written. */
  readonly file: string;
  readonly global: TraceSetting;
  /** By namespace and name with a slash between them. */
  readonly models: Map<string, ModelTraceSetting>;
}

/** Triton's defaults. */
export function createTraceSettings(file: string, level: TraceSetting["level"] = "OFF"): TraceSettings {
  return { file, global: { level, rate: 1000, count: -1, logFrequency: 0 }, models: new Map() };
}

/** What holds for a model, or for all of them. */
export function traceSettingOf({ global, models }: TraceSettings, model?: string): TraceSetting {
  return { ...global, ...(model === undefined ? {} : models.get(model)) };
}
