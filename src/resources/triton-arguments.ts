/** What the arguments of a tritonserver say, as far as this server acts on it. Source: `tritonserver --help`. */
export interface TritonArguments {
  readonly modelControl: "none" | "poll" | "explicit";
  /** Of --model-control-mode explicit: the models that are loaded; "*" is all. */
  readonly loadModels: readonly string[];
  /** Of --model-config-name. */
  readonly configurationName: string | undefined;
  /** The server is to look for backends where this server's program of Triton does not. */
  readonly hasOwnBackends: boolean;
  /** Those that change nothing here, as they were written. */
  readonly notInEffect: readonly string[];
}

/** Where the server listens and where its models are, which is this server's to say. */
const ANSWERED: readonly string[] = [
  "model-store",
  "model-repository",
  "allow-http",
  "http-address",
  "http-port",
  "allow-grpc",
  "grpc-address",
  "grpc-port",
  "allow-metrics",
  "metrics-address",
  "metrics-port",
  // A configuration is completed as far as its backend can.
  "disable-auto-complete-config",
  "strict-model-config",
];

/** @throws nothing: what is not understood is not in effect */
export function readTritonArguments(words: readonly string[]): TritonArguments {
  const flags = flagsIn(words);
  const last = (name: string): string | undefined => flags.findLast((flag) => flag.name === name)?.value;
  const mode = last("model-control-mode") ?? "none";
  const modelControl = mode === "poll" || mode === "explicit" ? mode : "none";
  const effective = [
    ...ANSWERED,
    "model-control-mode",
    "backend-directory",
    "model-config-name",
    ...(modelControl === "explicit" ? ["load-model"] : []),
  ];
  return {
    modelControl,
    loadModels: flags.flatMap(({ name, value }) => (name === "load-model" ? [value] : [])),
    configurationName: last("model-config-name"),
    hasOwnBackends: flags.some(({ name }) => name === "backend-directory"),
    notInEffect: flags.filter(({ name }) => !effective.includes(name)).map(({ text }) => text),
  };
}

interface Flag {
  readonly name: string;
  readonly value: string;
  readonly text: string;
}

/** `--name=value`, `--name value` and `--name`. */
function flagsIn(words: readonly string[]): Flag[] {
  const flags: Flag[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    const [, name, value] = /^--([a-z][a-z0-9-]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (name === undefined) continue;
    const next = words[index + 1];
    if (value !== undefined) flags.push({ name, value, text: word });
    else if (next !== undefined && !next.startsWith("-")) {
      flags.push({ name, value: next, text: `${word} ${next}` });
      index++;
    } else flags.push({ name, value: "true", text: word });
  }
  return flags;
}
