import type { InferenceStatistics } from "../../../core/inference-statistics.ts";
import type { LogSettings } from "../../../core/log-settings.ts";
import type { Restrictions } from "../../../core/restricted-apis.ts";
import type { TraceSettings } from "../../../core/trace-settings.ts";
import type { ProfileRules } from "../profile.ts";

/** What the extensions work with, over whatever transport. */
export interface Extensions {
  readonly profile: ProfileRules;
  readonly statistics: InferenceStatistics;
  readonly logs: LogSettings;
  /** Where clients may have logs written, absolute; undefined for nowhere. */
  readonly logDirectory: string | undefined;
  readonly traces: TraceSettings;
  readonly restrictions: Restrictions;
  /** Headers of inference requests whose names match are parameters for the model. */
  readonly forwardedHeaders: RegExp | undefined;
  /** Rows that one batch of a model may have that says nothing of it. */
  readonly maxBatchRows: number;
}

/** Names in the server metadata: Triton's, and KServe's own for loads and unloads. */
export const EXTENSIONS: readonly string[] = [
  "classification",
  "sequence",
  "sequence(string_id)",
  "model_repository",
  "model_repository(unload_dependents)",
  "model_repository_extension",
  "schedule_policy",
  "model_configuration",
  "system_shared_memory",
  "cuda_shared_memory",
  "binary_tensor_data",
  "parameters",
  "statistics",
  "trace",
  "logging",
];
