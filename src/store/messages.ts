import type { Code } from "../core/errors.ts";
import type { KeptMeasurement } from "../core/measurement.ts";
import type { StoredResource } from "../core/resource-store.ts";
import type { Holder } from "./lock.ts";
import type { SqliteModule } from "./sqlite.ts";
import type { StateChange } from "./state.ts";

/** What the worker starts with. */
export interface WorkerStart {
  readonly directory: string;
  readonly self: Holder;
  readonly sqlite: SqliteModule | undefined;
}

/** To the worker. */
export type Ask = { readonly ask: "commit"; readonly commits: readonly (readonly StateChange[])[] } | { readonly ask: "close" };

/** A ServeError on its way between threads. */
export interface Failure {
  readonly code: Code;
  readonly message: string;
}

/** From the worker. Commits are settled in the order in which they were asked for. */
export type Tell =
  | {
      readonly tell: "opened";
      readonly restored: readonly StoredResource[];
      readonly epoch: number;
      readonly measurements: readonly KeptMeasurement[];
    }
  | { readonly tell: "refused"; readonly failure: Failure }
  | { readonly tell: "settled"; readonly outcomes: readonly (Failure | undefined)[]; readonly seconds: number };
