import { isAbsolute, join, normalize } from "node:path";
import { ServeError } from "../../core/errors.ts";

/**
 * The path of a file that a configuration names. Whoever may send a configuration must not read other files of this machine with it.
 * @throws ServeError INVALID_ARGUMENT for a name that leads out of the model's folder
 */
export function fileOfModel(folder: string, name: string): string {
  const path = normalize(name);
  if (isAbsolute(name) || path === ".." || path.startsWith("../") || path.startsWith("..\\")) {
    throw new ServeError("INVALID_ARGUMENT", `its configuration names the file '${name}', which must be in the model's folder`);
  }
  return join(folder, path);
}
