import { createEnvironments } from "../src/environments/index.ts";
import { CACHE_DIRECTORY } from "./server-process.ts";

/** The interpreter of an environment with these lines of a requirements.txt, and with what a model's file itself asks for, if one is named. */
export async function pythonWith(requirementsText: string, file = ""): Promise<string> {
  const environments = createEnvironments({ directory: CACHE_DIRECTORY });
  const { python } = await environments.ensure({ format: "python", file, requirementsText, exact: false, trusted: true }, () => undefined);
  return python;
}
