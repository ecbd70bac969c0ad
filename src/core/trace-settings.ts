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
  /** What the operator said, and what holds again when nobody says anything else. */
  readonly initial: TraceSetting;
  readonly global: TraceSetting;
  /** By namespace and name with a slash between them. */
  readonly models: Map<string, ModelTraceSetting>;
}

/** With Triton's defaults for what is not given. */
export function createTraceSettings(file: string, given: Partial<TraceSetting> = {}): TraceSettings {
  const initial: TraceSetting = { level: "OFF", rate: 1000, count: -1, logFrequency: 0, ...given };
  return { file, initial, global: { ...initial }, models: new Map() };
}

/** What holds for a model, or for all of them. */
export function traceSettingOf({ global, models }: TraceSettings, model?: string): TraceSetting {
  return { ...global, ...(model === undefined ? {} : models.get(model)) };
}
