import { access, symlink } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { EnvironmentPaths, ServerProgram } from "../server-program.ts";

const STUB = "triton_python_backend_stub";

export const TRITON: ServerProgram = {
  name: "triton",
  title: "NVIDIA Triton Inference Server",
  executables: ["tritonserver"],
  distributions: ["nvidia-pytriton"],
  takesDevice: true,
  install({ system, arch }) {
    if (system !== "linux" || arch !== "x64")
      return `the package that Triton's server is in (nvidia-pytriton) is for Linux with glibc on x86-64, and this is ${system} on ${arch}; run its image (nitrous/run-as: container)`;
    return { requirements: ["nvidia-pytriton==0.7.0"], gibibytes: 0.5, finish: linkStub };
  },
  launch({ sitePackages, libraries, bin }) {
    return {
      file: join(serverFolder(sitePackages), "bin", "tritonserver"),
      // It has the Python backend only; another folder of backends can be named by the runtime.
      arguments: [`--backend-directory=${join(serverFolder(sitePackages), "backends")}`],
      environment: {
        LD_LIBRARY_PATH: [join(sitePackages, "nvidia_pytriton.libs"), libraries].join(delimiter),
        PYTHONPATH: sitePackages,
        VIRTUAL_ENV: join(bin, ".."),
      },
    };
  },
};

function serverFolder(sitePackages: string): string {
  return join(sitePackages, "pytriton", "tritonserver");
}

/** The package has a stub for each version of Python; the server looks for one beside its Python backend. */
async function linkStub({ sitePackages, python }: EnvironmentPaths): Promise<void> {
  const stub = join(serverFolder(sitePackages), "python_backend_stubs", python, STUB);
  await access(stub).catch(() => {
    throw new Error(`the package has no stub of the Python backend for Python ${python}`);
  });
  await symlink(stub, join(serverFolder(sitePackages), "backends", "python", STUB)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}
