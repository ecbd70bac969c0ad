import { expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { PacedWork } from "./paced-work.ts";

function setUp() {
  const clock = new FakeClock();
  const work = new PacedWork(clock);
  const done: string[] = [];
  /** A task that takes so many milliseconds. */
  const task = (name: string, milliseconds: number) => () => {
    done.push(name);
    void clock.advance(milliseconds);
  };
  return { clock, work, done, task };
}

it("runs what comes at once, until the turn's slice is over", async () => {
  const { clock, work, done, task } = setUp();
  for (const name of ["a", "b", "c", "d", "e"]) work.run(task(name, 1));
  expect(done).toEqual(["a", "b"]);
  await clock.turn();
  expect(done).toEqual(["a", "b", "c", "d"]);
  work.run(task("f", 1));
  await clock.turn();
  expect(done).toEqual(["a", "b", "c", "d", "e", "f"]);
});

it("runs one task a turn when each is longer than the slice", async () => {
  const { clock, work, done, task } = setUp();
  for (const name of ["a", "b", "c"]) work.later(task(name, 50));
  expect(done).toEqual([]);
  await clock.turn();
  expect(done).toEqual(["a"]);
  await clock.turn();
  await clock.turn();
  expect(done).toEqual(["a", "b", "c"]);
});

it("keeps the order, and tells when it rests", async () => {
  const { clock, work, done, task } = setUp();
  work.later(task("a", 0));
  work.run(task("b", 0));
  void work.rest().then(() => done.push("rest"));
  await clock.turn();
  expect(done).toEqual(["a", "b", "rest"]);
  await work.rest();
});

it("goes on after a task that throws, and with what tasks add", async () => {
  const { clock, work, done, task } = setUp();
  work.later(() => {
    work.later(task("added", 0));
    throw new Error("a bug");
  });
  work.later(task("a", 0));
  await expect(clock.turn()).rejects.toThrow("a bug");
  await clock.turn();
  await clock.turn();
  expect(done).toEqual(["a", "added"]);
});
