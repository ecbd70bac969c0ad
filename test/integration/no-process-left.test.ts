import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { startServer, untilLoaded } from "../server-process.ts";
import { createStubbornModel } from "../stubborn-model.ts";
import { describeWaysToGo, parentOf } from "../ways-to-go.ts";

// The other two pairs are in test/long.
describeWaysToGo("python", "off");
describeWaysToGo("typescript", "auto");

it("ends at its start what an earlier server and its launchers left when all of them were killed", async () => {
  const model = await createStubbornModel("python");
  const state = await mkdtemp(join(tmpdir(), "nitrous-left-"));
  // In a namespace the kernel ends them with the launcher.
  const flags = ["--state-dir", state, "--isolation", "off"];
  const first = await startServer([model.directory], flags);
  await untilLoaded(first);
  const [stray = 0] = model.strays();
  const launcher = parentOf(stray);
  // The launcher cannot act, as if it hung in the kernel.
  process.kill(launcher, "SIGSTOP");
  await first.stop("SIGKILL");
  expect(model.strays()).toEqual([stray]);
  const second = await startServer([], flags);
  try {
    while (!second.output().includes("nitrous serves at")) await delay(20);
    while (model.strays().length > 0) await delay(20);
    expect(second.output()).toContain("processes that an earlier server had left behind were ended");
    expect(second.output()).toContain(String(stray));
  } finally {
    await second.stop();
    await model.remove();
    await rm(state, { recursive: true, force: true });
  }
});
