import { existsSync } from "node:fs";
import { readSettings, type Settings, SettingsError } from "../settings.ts";
import { CliError } from "./errors.ts";

/** The settings that a server started here would have, for commands that look at this machine. @throws CliError */
export async function localSettings(flags: Readonly<Record<string, string | undefined>>): Promise<Settings> {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const file = existsSync("nitrous.yaml") ? { file: "nitrous.yaml" } : {};
  try {
    return await readSettings({ flags: given, environment: process.env, ...file });
  } catch (error) {
    throw error instanceof SettingsError ? new CliError(error.message, 2) : error;
  }
}
