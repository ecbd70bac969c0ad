import type { Command } from "commander";
import type { RolloutOptions } from "./rollout.ts";
import { DEFAULT_WAIT_SECONDS, inNamespace, namespaceOf, onServer, type ServerOptions, secondsIn, surroundings } from "./server-command.ts";

type Options = ServerOptions & Record<string, string | undefined>;

const WAIT = `wait until the models are ready, or have failed (default: ${DEFAULT_WAIT_SECONDS} seconds)`;

/** `nitrous rollout`: how far a new revision is, and whether it gets everything or an older one does. */
export function addRolloutCommands(program: Command): void {
  const rollout = program.command("rollout").description("see, promote and take back revisions of models");
  const add = (verb: "status" | "history" | "promote" | "undo", description: string): Command =>
    inNamespace(onServer(rollout.command(verb)))
      .description(description)
      .argument("<name>", "name of the InferenceService")
      .action(async (name: string, { timeout, wait, ...options }: Options) => {
        const { rolloutHistory, rolloutPromote, rolloutStatus, rolloutUndo } = await import("./rollout.ts");
        const command = { status: rolloutStatus, history: rolloutHistory, promote: rolloutPromote, undo: rolloutUndo }[verb];
        const { client, terminal, signal } = await surroundings(options);
        const all: RolloutOptions = {
          ...options,
          namespace: namespaceOf(options),
          ...(timeout === undefined ? {} : { timeout: secondsIn("--timeout", timeout) }),
          ...(wait === undefined ? {} : { wait: secondsIn("--wait", wait) }),
        };
        process.exitCode = await command(name, all, client, terminal, signal);
      });
  add("status", "wait until the newest revision has its part of the requests, or has failed").option(
    "--timeout <seconds>",
    `how long to wait (default: ${DEFAULT_WAIT_SECONDS})`,
  );
  add("history", "list the last revisions and what became of them")
    .option("--revision <number>", "the spec of one of them")
    .option("-o, --output <format>", "json or yaml (default: a table)");
  add("promote", "give all requests to the newest revision, or to a canary")
    .option("--canary <name>", "name of the canary in spec.canary; may be left out when there is one")
    .option("--wait [seconds]", WAIT);
  add("undo", "give all requests to an earlier revision again")
    .option("--to <number>", "number of the revision (default: the one before)")
    .option("--wait [seconds]", WAIT);
}
