import { selectRuntime, validateDocument } from "../resources/index.ts";
import type { ApiObject } from "./api-objects.ts";
import { renderItems } from "./describe-text.ts";
import { CliError } from "./errors.ts";
import { asRuntime, NEVER_CREATED } from "./local-resources.ts";
import type { Terminal } from "./terminal.ts";

const PROTOCOLS = ["v1", "v2", "grpc-v1", "grpc-v2"] as const;

/** What a model could ask for. */
export interface Demand {
  readonly namespace: string;
  /** `FORMAT` or `FORMAT:VERSION`. */
  readonly format: string;
  readonly protocol?: string | undefined;
}

/** Which of some runtimes such a model would get, and why, or why not, each of them. @throws CliError */
export function candidatesText({ namespace, format, protocol }: Demand, runtimes: readonly ApiObject[], terminal: Terminal): string {
  const [name = "", version] = format.split(":", 2);
  const protocolVersion = PROTOCOLS.find((each) => each === protocol);
  if (name === "") throw new CliError("--for needs a format, such as sklearn or sklearn:1", 2);
  if (protocol !== undefined && protocolVersion === undefined) {
    throw new CliError(`--protocol ${protocol}: expected ${PROTOCOLS.join(", ")}`, 2);
  }
  const model = {
    format: { name, ...(version === undefined ? {} : { version }) },
    ...(protocolVersion === undefined ? {} : { protocolVersion }),
  };
  const known = runtimes.map((object) => asRuntime(validateDocument(object), object.metadata.creationTimestamp ?? NEVER_CREATED));
  const { candidates, failure } = selectRuntime({ namespace, model, multiNode: false }, known);
  const items = candidates.map(({ name: runtime, scope, chosen, reason }) => ({
    mark: chosen ? "✓" : "✗",
    style: chosen ? ("green" as const) : ("red" as const),
    text: `${runtime} (${scope}): ${reason}`,
  }));
  const summary = failure?.message.split("\n")[0];
  return `${renderItems(items, terminal)}${summary === undefined ? "" : `${summary}\n`}`;
}
