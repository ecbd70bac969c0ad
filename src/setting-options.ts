import type { z } from "zod";
import { readSettings, SETTINGS, type SettingName, type Settings, SettingsError } from "./settings.ts";

type CamelCase<Text extends string> = Text extends `${infer First}-${infer Rest}` ? `${First}${Capitalize<CamelCase<Rest>>}` : Text;

/** What is written for a setting; of one that is converted from anything what it is converted to. */
type Given<Name extends SettingName> =
  unknown extends z.input<(typeof SETTINGS)[Name]> ? z.output<(typeof SETTINGS)[Name]> : z.input<(typeof SETTINGS)[Name]>;

/** Every setting of the server, optional, by the name of its flag in camel case or as it is. */
export type SettingOptions = { readonly [Name in SettingName as Name | CamelCase<Name>]?: Given<Name> | undefined };

/**
 * Settings from the options of a program.
 * @throws SettingsError naming each wrong option and what was expected, and names that no setting has or that are there twice
 */
export async function readOptions(options: SettingOptions): Promise<Settings> {
  const written = new Map<string, string>();
  const flags: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const setting = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const before = written.get(setting);
    if (before !== undefined) throw new SettingsError(`${before} and ${name} are one setting: give one of them`);
    if (!Object.hasOwn(SETTINGS, setting)) {
      throw new SettingsError(`unknown option ${name}; there are ${Object.keys(SETTINGS).map(camelCase).join(", ")}`);
    }
    written.set(setting, name);
    flags[setting] = value;
  }
  return await readSettings({ flags, environment: {}, writtenAs: (setting) => written.get(setting) ?? setting });
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
