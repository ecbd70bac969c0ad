import type { ContainerSpec } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import { explainEngineError } from "./engine-errors.ts";
import type { FoundEngine } from "./found-engine.ts";
import { runEngine } from "./run-engine.ts";

const LOOK_MS = 60_000;
/** Characters of a line of a pull's progress. */
const LONGEST_STEP = 160;

export interface Pulling {
  readonly report: (step: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Has the container's image on this machine, as Kubernetes' imagePullPolicy says; an image that cannot be pulled again and is here is
 * used, and that is reported.
 * @throws ServeError FAILED_PRECONDITION when it is not here and may not be pulled, UNAVAILABLE when the pull fails; the signal's reason
 */
export async function ensureImage(
  engine: FoundEngine,
  { image = "", imagePullPolicy }: Pick<ContainerSpec, "image" | "imagePullPolicy">,
  { report, signal }: Pulling,
): Promise<void> {
  const isHere = await hasImage(engine, image, signal);
  if (isHere && imagePullPolicy !== "Always") return;
  if (imagePullPolicy === "Never") throw missingImage(engine, image);
  report(`pulling the image ${image} with ${engine.kind}`);
  const onLine = (line: string): void => report(`pulling the image ${image}: ${line.slice(0, LONGEST_STEP)}`);
  const { code, errors } = await runEngine(engine, ["pull", image], { signal, onLine });
  if (code === 0) return;
  const why = explainEngineError(engine.kind, errors);
  if (!isHere) throw new ServeError("UNAVAILABLE", `${engine.kind} could not pull the image ${image}: ${why}`);
  report(`the image ${image} could not be pulled again, and the one that is on this machine is used: ${why}`);
}

async function hasImage(engine: FoundEngine, image: string, signal: AbortSignal): Promise<boolean> {
  const { code, errors } = await runEngine(engine, ["image", "inspect", "--format", "{{.Id}}", image], { signal, timeoutMs: LOOK_MS });
  if (code === 0) return true;
  if (/no such image|image not known|unable to find|not found/i.test(errors)) return false;
  throw new ServeError(
    "FAILED_PRECONDITION",
    `${engine.kind} could not look for the image ${image}: ${explainEngineError(engine.kind, errors)}`,
  );
}

function missingImage({ kind }: FoundEngine, image: string): ServeError {
  return new ServeError(
    "FAILED_PRECONDITION",
    `the image ${image} is not on this machine, and imagePullPolicy Never says not to pull it: build or load it with ${kind}, or set another imagePullPolicy`,
  );
}
