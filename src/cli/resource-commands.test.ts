import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addResourceCommands } from "./resource-commands.ts";

async function run(...words: string[]): Promise<void> {
  const program = new Command("nitrous").exitOverride().configureOutput({ writeErr: () => undefined });
  addResourceCommands(program);
  await program.parseAsync(["node", "nitrous", ...words]);
}

describe("addResourceCommands", () => {
  it.each([
    [["apply"], "required option '-f, --file <path>' not specified"],
    [["apply", "-f", "x", "--wait=soon"], "--wait=soon: expected seconds, or a time such as 5m"],
    [["apply", "-f", "x", "--wait=0"], "--wait=0: expected seconds"],
    [["apply", "-f", "x", "--dry-run=client"], "'nitrous validate' checks files without one"],
    [["apply", "-f", "missing-a.yaml", "-f", "missing-b.yaml"], "cannot read missing-a.yaml"],
    [["apply", "-f", "missing.yaml", "--wait=5m"], "cannot read missing.yaml"],
    [["get", "--server", "ftp://x"], "--server ftp://x: expected an address"],
    [["logs"], "missing required argument 'name'"],
    [["delete"], "nothing to delete"],
  ])("%j: %s", async (words, message) => {
    await expect(run(...words)).rejects.toThrow(message);
  });
});
