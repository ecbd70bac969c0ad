import { fileURLToPath } from "node:url";

/** Folder of the ClusterServingRuntimes that nitrous brings along. */
export const BUILT_IN_RUNTIMES = fileURLToPath(new URL("../runtimes", import.meta.url));
