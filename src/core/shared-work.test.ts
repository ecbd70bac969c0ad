import { describe, expect, it } from "vitest";
import { SharedWork } from "./shared-work.ts";

/** Work that ends when the test says so, or when it is aborted. */
function controlled() {
  const started: Array<{ say: (line: string) => void; signal: AbortSignal; end: (value: string) => void }> = [];
  const work = (say: (line: string) => void, signal: AbortSignal): Promise<string> =>
    new Promise((resolve, reject) => {
      started.push({ say, signal, end: resolve });
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  return { started, work };
}

describe("shared work", () => {
  it("is done once for all who want it at the same time, and told to all of them", async () => {
    const { started, work } = controlled();
    const shared = new SharedWork<string>();
    const lines: string[] = [];
    const both = [shared.run("a", work, (line) => lines.push(`1 ${line}`)), shared.run("a", work, (line) => lines.push(`2 ${line}`))];
    expect(started).toHaveLength(1);
    started[0]?.say("half");
    started[0]?.end("done");
    expect(await Promise.all(both)).toEqual(["done", "done"]);
    expect(lines).toEqual(["1 half", "2 half"]);
    void shared.run("a", work, () => undefined);
    expect(started).toHaveLength(2);
  });

  it("goes on when one of two gives up, and stops when both have", async () => {
    const { started, work } = controlled();
    const shared = new SharedWork<string>();
    const [first, second] = [new AbortController(), new AbortController()];
    const one = shared.run("a", work, () => undefined, first.signal);
    const two = shared.run("a", work, () => undefined, second.signal);
    first.abort(new Error("first left"));
    await expect(one).rejects.toThrow("first left");
    expect(started[0]?.signal.aborted).toBe(false);
    second.abort(new Error("second left"));
    await expect(two).rejects.toThrow("second left");
    expect(started[0]?.signal.aborted).toBe(true);
  });

  it("fails for all who wait, and may be tried again", async () => {
    const shared = new SharedWork<string>();
    const fail = (): Promise<string> => Promise.reject(new Error("no"));
    const all = [shared.run("a", fail, () => undefined), shared.run("a", fail, () => undefined, new AbortController().signal)];
    expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(
      await shared.run(
        "a",
        async () => "yes",
        () => undefined,
      ),
    ).toBe("yes");
  });
});
