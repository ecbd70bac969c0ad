// Runs one container until it is told to end, as a server that others kill: node container-owner.ts DIRECTORY
import { systemClock } from "../../src/core/clock.ts";
import { createContainers } from "../../src/executors/index.ts";
import { shell } from "./container-specs.ts";

const [directory = ""] = process.argv.slice(2);
const none = { secrets: undefined, configMaps: undefined };
const onLog = (_host: string, line: string): void => {
  if (line === "begun") process.stdout.write("running\n");
};
const containers = createContainers({ engine: "podman", directory, objects: none, onLog, clock: systemClock });
containers.start(shell("echo begun; exec sleep 1000"));
// Containers do not keep a server alive.
setInterval(() => undefined, 60_000);
process.once("SIGTERM", () => void containers.close().then(() => process.exit(0)));
