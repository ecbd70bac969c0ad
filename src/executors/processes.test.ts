import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { descendantsOf, pidsBelow } from "./processes.ts";

it.skipIf(process.platform !== "linux")("finds the same processes below one as a look at all processes does", async () => {
  const shell = spawn("sh", ["-c", "(sleep 60 & wait) & sleep 60 & echo begun; wait"], {
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const { pid = 0 } = shell;
  try {
    await once(shell.stdout, "data");
    while (pidsBelow(pid).length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    const all = descendantsOf(pid).map((each) => each.pid);
    expect(pidsBelow(pid).sort()).toEqual(all.sort());
    expect(pidsBelow(process.pid)).toEqual(expect.arrayContaining([pid, ...all]));
  } finally {
    process.kill(-pid, "SIGKILL");
  }
  await once(shell, "exit");
  expect(pidsBelow(pid)).toEqual([]);
});
