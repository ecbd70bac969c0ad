import { abandonedFolders, removeContainerFolder } from "./folders.ts";
import type { FoundEngine } from "./found-engine.ts";
import { labelledProcessRuns, PROCESS_LABEL, SERVER_LABEL, serverLabel } from "./ownership.ts";
import { runEngine } from "./run-engine.ts";

const COMMAND_MS = 60_000;

/** Removes a container by force, with what it had of volumes. Nothing when it is not there. */
export async function removeContainer(engine: FoundEngine, name: string): Promise<void> {
  await runEngine(engine, ["rm", "--force", "--volumes", name], { timeoutMs: COMMAND_MS });
}

/**
 * Removes the containers of servers with the same cache folder that do not run any more, and their folders; containers of others,
 * and those of servers that run, are left alone. Gives the names of the containers. Asks no engine when there was never a container.
 */
export async function removeLeftoversOf(directory: string, engines: () => Promise<readonly FoundEngine[]>): Promise<string[]> {
  const folders = await abandonedFolders(directory);
  if (folders === undefined) return [];
  const found = (await engines()).filter(({ problem }) => problem === undefined);
  const removed = await Promise.all(found.map((engine) => removeAbandoned(engine, directory)));
  for (const name of folders) await removeContainerFolder(directory, name, found[0]);
  return removed.flat();
}

async function removeAbandoned(engine: FoundEngine, directory: string): Promise<string[]> {
  const list = ["ps", "--all", "--quiet", "--no-trunc", "--filter", `label=${SERVER_LABEL}=${serverLabel(directory)}`];
  const { output } = await runEngine(engine, list, { timeoutMs: COMMAND_MS });
  const ids = output.split("\n").filter(Boolean);
  if (ids.length === 0) return [];
  const format = `{{.Id}} {{.Name}} {{index .Config.Labels "${PROCESS_LABEL}"}}`;
  // One that has gone meanwhile makes this fail, and the others are told all the same.
  const described = await runEngine(engine, ["container", "inspect", "--format", format, ...ids], { timeoutMs: COMMAND_MS });
  const abandoned = described.output.split("\n").flatMap((line) => {
    const [id, name = "", label = ""] = line.split(" ");
    return id === undefined || id === "" || label === "" || labelledProcessRuns(label) ? [] : [{ id, name: name.replace(/^\//, "") }];
  });
  for (const { id } of abandoned) await removeContainer(engine, id);
  return abandoned.map(({ name }) => name);
}
