import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../../test/fake-clock.ts";
import { limitLog } from "./log-limit.ts";

function open() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = limitLog({ clock, onLine: (line) => lines.push(line) });
  const stream = new PassThrough({ highWaterMark: 1024 });
  log.follow(stream);
  const print = async (text: string): Promise<void> => {
    stream.write(text);
    await settle();
  };
  return { clock, lines, log, stream, print };
}

describe("the log of a program", () => {
  it("is passed on as it comes", async () => {
    const { lines, log, print } = open();
    await print("one\ntwo\nthr");
    await print("ee\n");
    expect(lines).toEqual(["one", "two", "three"]);
    expect(log.tail()).toEqual(["one", "two", "three"]);
  });

  it("is passed on up to a rate, with the number of lines that were left out", async () => {
    const { clock, lines, log, print } = open();
    await print("x\n".repeat(5_000));
    expect(lines).toHaveLength(1_000);
    await clock.advance(1_000);
    expect(lines.at(-1)).toMatch(/^4000 lines left out/);
    await print("calm again\n");
    expect(lines.at(-1)).toBe("calm again");
    expect(log.tail().at(-1)).toBe("calm again");
    expect(log.tail()).toHaveLength(40);
  });

  it("says at the end what was left out, and has the last lines", async () => {
    const { lines, log, print } = open();
    await print(`${"x\n".repeat(1_001)}Traceback\n`);
    log.close();
    expect(lines.at(-1)).toMatch(/^2 lines left out/);
    expect(log.tail().at(-1)).toBe("Traceback");
  });

  it("is not read faster than it may come, whatever the lines are", async () => {
    const { clock, lines, stream, print } = open();
    await print("x".repeat(5 * 1024 * 1024));
    expect(stream.isPaused()).toBe(true);
    // A mebibyte too many, of half a one a second.
    await clock.advance(1_900);
    expect(stream.isPaused()).toBe(true);
    await clock.advance(200);
    expect(stream.isPaused()).toBe(false);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.length).toBeLessThan(20_000);
  });
});
