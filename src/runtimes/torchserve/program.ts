import type { ServerProgram } from "../server-program.ts";

const OLDEST_JAVA = 11;

export const TORCHSERVE: ServerProgram = {
  name: "torchserve",
  title: "TorchServe",
  executables: ["torchserve"],
  versionArguments: ["--version"],
  distributions: ["torchserve"],
  takesDevice: true,
  // PyYAML is missing from its own requirements, and so is setuptools from the Python 3.12 on.
  install: () => ({
    requirements: ["torchserve==0.12.0", "torch-model-archiver==0.12.0", "pyyaml", "setuptools<81", "torch", "numpy"],
    gibibytes: 5,
  }),
  async missing(ask) {
    const text = await ask("java", ["-version"]).catch(() => undefined);
    const need = `TorchServe needs Java ${OLDEST_JAVA} or newer, and`;
    if (text === undefined) return `${need} there is no java on the PATH: install a JRE, such as the package default-jre-headless`;
    // "1.8.0_392" is Java 8, "17.0.9" Java 17.
    const [, first = "", second = ""] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
    const version = Number(first === "1" ? second : first);
    return version >= OLDEST_JAVA ? undefined : `${need} java on the PATH is version ${version || "unknown"}`;
  },
};
