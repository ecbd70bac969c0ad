import { listSupportedBackends } from "onnxruntime-node";
import { messageOf, ServeError } from "../core/errors.ts";

/** What carries out a graph, besides this machine's processor, by the names of ONNX Runtime's documentation. */
const PROVIDERS: Readonly<Record<string, string>> = {
  cpu: "cpu",
  cuda: "cuda",
  tensorrt: "tensorrt",
  coreml: "coreml",
  dml: "dml",
  directml: "dml",
  webgpu: "webgpu",
};

/**
 * The providers of a list such as `cuda,cpu`; ONNX Runtime's long names (`CUDAExecutionProvider`) mean the same.
 * @throws ServeError INVALID_ARGUMENT for a name that no build of this binding knows
 */
export function readProviders(text: string): string[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  const known = names.map((name) => {
    const provider = PROVIDERS[name.replace(/ExecutionProvider$/, "").toLowerCase()];
    if (provider !== undefined) return provider;
    const there = Object.keys(PROVIDERS).join(", ");
    throw new ServeError("INVALID_ARGUMENT", `the setting execution_providers names '${name}'; expected some of ${there}`);
  });
  if (known.length === 0) throw new ServeError("INVALID_ARGUMENT", "the setting execution_providers is empty; write cpu, or cuda,cpu");
  return [...new Set(known)];
}

/** The first of the wanted providers that this machine has, and why those before it were passed over. */
export interface Opened<Session> {
  readonly session: Session;
  readonly provider: string;
  readonly passedOver: readonly string[];
}

/**
 * Opens a session with the first provider that works. A list that ends in `cpu` says that the processor will do; without it the
 * others are required.
 * @throws ServeError FAILED_PRECONDITION when none of them is there; what opening on the processor throws
 */
export async function openOnFirst<Session>(
  wanted: readonly string[],
  open: (providers: readonly string[]) => Promise<Session>,
): Promise<Opened<Session>> {
  const supported = listSupportedBackends().map(({ name }) => name);
  const passedOver: string[] = [];
  for (const provider of wanted) {
    if (provider === "cpu") return { session: await open(["cpu"]), provider, passedOver };
    if (!supported.includes(provider)) {
      passedOver.push(`${provider}: this build of ONNX Runtime has only ${supported.join(", ")}`);
      continue;
    }
    try {
      // What the provider has no kernels for runs on the processor in either case.
      return { session: await open([provider, "cpu"]), provider, passedOver };
    } catch (error) {
      passedOver.push(`${provider}: ${shortened(messageOf(error))}`);
    }
  }
  const hint = "install its libraries, or end the setting execution_providers in ,cpu to fall back to the processor";
  throw new ServeError(
    "FAILED_PRECONDITION",
    `no execution provider of ${wanted.join(", ")} works here (${passedOver.join("; ")}); ${hint}`,
  );
}

/** Without the place in ONNX Runtime's sources, and its first line. */
function shortened(message: string): string {
  const [first = ""] = message.replace(/^\/\S+\s.*?(?:was false\. |\) )/s, "").split("\n");
  return first.replace(/\.$/, "");
}
