import { basename, extname } from "node:path";

const YAML = new Set([".yaml", ".yml"]);
/** The server's own settings may lie beside the resources. */
const SETTINGS_FILE = "nitrous.yaml";

/** Whether a file holds resources by its name. */
export function isManifestFile(path: string): boolean {
  return YAML.has(extname(path).toLowerCase()) && basename(path) !== SETTINGS_FILE;
}
