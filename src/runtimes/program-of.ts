import { basename } from "node:path";
import type { ContainerSpec } from "../core/container.ts";
import type { ServerProgram } from "./server-program.ts";
import { SERVER_PROGRAMS } from "./server-programs.ts";

/** The server that a container runs, of those that are known: by its annotation, else by its command. */
export function programOf({ program, command }: Pick<ContainerSpec, "program" | "command">): ServerProgram | undefined {
  if (program !== undefined) return SERVER_PROGRAMS.find(({ name }) => name === program);
  const [first] = command;
  return first === undefined ? undefined : SERVER_PROGRAMS.find(({ executables }) => executables.includes(basename(first)));
}
