import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { SCHEDULING_ANNOTATIONS } from "../src/resources/index.ts";
import { environmentVariable, readSettings, SETTINGS } from "../src/settings.ts";

const page = readFileSync(fileURLToPath(new URL("../docs/scheduling.md", import.meta.url)), "utf8");

it("docs/scheduling.md has every annotation about scheduling, and settings that there are", () => {
  const described = [...page.matchAll(/^\| `(nitrous\/[\w-]+)`/gm)].map(([, name]) => name);
  expect(described.sort()).toEqual([...SCHEDULING_ANNOTATIONS].sort());
  const named = [...page.matchAll(/setting `([\w-]+)`/g)].map(([, name = ""]) => name);
  expect(named.length).toBeGreaterThan(2);
  for (const name of named) expect(Object.keys(SETTINGS)).toContain(name);
});

it("the settings for rates and tenants are what they say, or refused with what is expected", async () => {
  const read = (environment: Record<string, string>) => readSettings({ flags: {}, environment });
  expect(await read({})).not.toHaveProperty("rate-limit");
  const [rate, tenant] = [environmentVariable("rate-limit"), environmentVariable("tenant-header")];
  expect(await read({ [rate]: "5/m burst 9", [tenant]: "X-Tenant" })).toMatchObject({
    "rate-limit": { text: "5/m burst 9", intervalMs: 12_000, burst: 9 },
    "tenant-header": "x-tenant",
  });
  await expect(read({ [rate]: "5" })).rejects.toThrow("NITROUS_RATE_LIMIT: expected requests per s, m or h such as 100/s, if need be");
  await expect(read({ [tenant]: "x tenant" })).rejects.toThrow("NITROUS_TENANT_HEADER: expected the name of a header");
});
