import { join, resolve } from "node:path";
import type { Clock } from "./core/clock.ts";
import type { Events } from "./core/events.ts";
import { bootId, identityOf, isRunning } from "./executors/index.ts";
import { createEventLoopLoad, InlinePromotion } from "./models/index.ts";
import { CrashMarkers, InlineRuns } from "./replicas/index.ts";
import { type Settings, stateDirectoryOf } from "./settings.ts";

/** Milliseconds that all models together may compute in the server's own process in one turn of its event loop. */
const BUDGET_MS = 1;

export interface InlineAnswers {
  readonly promotion: InlinePromotion;
  /** What whoever started the server should know. */
  readonly notices: readonly string[];
  /** After the last model has gone. */
  close(): void;
}

/** Answers of tiny models in this process (docs/inline.md); undefined when the settings do not want any. */
export function createInlineAnswers(settings: Settings, events: Events, clock: Clock): InlineAnswers | undefined {
  if (settings.inline === "off") return undefined;
  // Not among what can be made again: it is what is known about a crash.
  const directory = join(resolve(stateDirectoryOf(settings)), "inline");
  const server = identityOf(process.pid) ?? { pid: process.pid, start: "" };
  const markers = new CrashMarkers({ directory, server, boot: bootId(), isRunning });
  const release = (): void => markers.releaseAll();
  // Whoever exits has not crashed.
  process.once("exit", release);
  const promotion = new InlinePromotion({
    clock,
    runs: new InlineRuns({
      clock,
      markers,
      budgetMs: BUDGET_MS,
      // Whoever requires confinement does not want them in the server.
      trustsCommandLine: settings.isolation !== "required",
    }),
    load: createEventLoopLoad(),
    onChange: ({ namespace, name: model, version }, inline, reason) =>
      events.emit("inline-changed", { namespace, model, version, inline, reason }),
  });
  return {
    promotion,
    notices: markers.accused.map(
      (model) =>
        `the server before this one died, or was killed, while ${model} ran in its process; the model now runs in a process of its own (to allow that again, stop the server and remove ${directory})`,
    ),
    close() {
      process.removeListener("exit", release);
      release();
    },
  };
}
