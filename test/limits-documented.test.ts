import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { SETTINGS } from "../src/settings.ts";
import { BODY_ATTACKS } from "./hostile/body-attacks.ts";
import { HTTP_ATTACKS } from "./hostile/http-attacks.ts";
import { JSON_ATTACKS } from "./hostile/json-attacks.ts";
import { NAME_ATTACKS } from "./hostile/name-attacks.ts";
import { TENSOR_ATTACKS } from "./hostile/tensor-attacks.ts";

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");

const rows = read("../docs/limits.md")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (Limit |-)/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, limit = "", setting = "", value = "", status = "", test = ""]) => ({ limit, setting, value, status: Number(status), test }));

const attacks = [...HTTP_ATTACKS, ...BODY_ATTACKS, ...JSON_ATTACKS, ...TENSOR_ATTACKS, ...NAME_ATTACKS];
const senders = read("integration/hostile-senders.test.ts");

describe("docs/limits.md", () => {
  it.each(rows)("$limit: has its test", ({ test, status }) => {
    const attack = attacks.find(({ name }) => name === test);
    if (attack === undefined) expect([senders.includes(`"${test}"`), test]).toEqual([true, expect.stringContaining(String(status))]);
    else expect(attack.status).toBe(status);
  });

  it.each(rows.filter(({ setting }) => setting !== ""))("$limit: has its setting and default", ({ setting, value }) => {
    const name = setting.replaceAll("`", "") as keyof typeof SETTINGS;
    expect(String(SETTINGS[name].parse(undefined))).toBe(value);
  });

  it("has names of attacks that are all different", () => {
    expect(new Set(attacks.map(({ name }) => name)).size).toBe(attacks.length);
  });
});
