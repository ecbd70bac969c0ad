import { expect, it } from "vitest";
import { readOptions } from "./setting-options.ts";
import { SettingsError } from "./settings.ts";

it("options are settings, in camel case or as they are", async () => {
  const settings = await readOptions({
    httpPort: 0,
    "max-batch-rows": 7,
    rateLimit: "5/s",
    namespaceMemory: { team: 1 },
    trust: ["a"],
    host: undefined,
  });
  expect(settings).toMatchObject({ "http-port": 0, "max-batch-rows": 7, "namespace-memory": { team: 1 }, trust: ["a"], host: "127.0.0.1" });
  expect(settings["rate-limit"]).toBeDefined();
});

it("wrong options are named as they were written", async () => {
  await expect(readOptions({ httpPort: -1, "max-body-bytes": 0 })).rejects.toThrow(/^httpPort: .*\nmax-body-bytes: /);
  await expect(readOptions({ httpPort: 1, "http-port": 2 })).rejects.toThrow("httpPort and http-port are one setting");
  await expect(readOptions({ port: 1 } as object)).rejects.toBeInstanceOf(SettingsError);
  await expect(readOptions({ port: 1 } as object)).rejects.toThrow("unknown option port; there are host, httpPort,");
});
