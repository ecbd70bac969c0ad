import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { checkTraceFile } from "./serve-settings.ts";
import { readSettings } from "./settings.ts";

const folder = mkdtempSync(join(tmpdir(), "nitrous-traces-"));

afterAll(() => rmSync(folder, { recursive: true }));

const check = async (file: string): Promise<void> => checkTraceFile(await readSettings({ flags: { "trace-file": file }, environment: {} }));

it("refuses a file for traces that cannot be written, before there is a trace", async () => {
  await check(join(folder, "traces.json"));
  await check("/dev/null");
  await expect(check(folder)).rejects.toThrow(`--trace-file: ${folder} is a folder`);
  await expect(check(join(folder, "nowhere", "traces.json"))).rejects.toThrow(/^--trace-file: .*no such file or directory/);
});
