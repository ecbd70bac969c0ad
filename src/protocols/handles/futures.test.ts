import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../../test/fake-clock.ts";
import { createRecord, RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply } from "../../core/http.ts";
import { Futures } from "./futures.ts";

const LIMITS = { most: 3, mostOfOne: 2, bytes: 10, keepMs: 1000 };
const TARGET = { namespace: "default", name: "iris" };

let clock: FakeClock;
let futures: Futures;

beforeEach(() => {
  clock = new FakeClock();
  futures = new Futures(clock, LIMITS);
});

function context(principal = "me"): RequestContext {
  const made = new RequestContext({ deadline: 60_000, record: createRecord("handle", "iris", 0) });
  made.principal = principal;
  return made;
}

async function add(work: Promise<HttpReply>, principal = "me", own = context(principal)): Promise<string> {
  const added = futures.add(TARGET, own, () => work);
  // It may be refused before the turn ends.
  added.catch(() => undefined);
  await settle();
  await clock.turn();
  return await added;
}

function reply(body: string): Promise<HttpReply> {
  return Promise.resolve({ status: 200, body });
}

const never = new Promise<HttpReply>(() => undefined);

describe("futures", () => {
  it("keep their answers for a while, for as many who ask, and for nobody else", async () => {
    const id = await add(reply("4"));
    expect(await futures.result(id, 0, context())).toMatchObject({ body: "4" });
    expect(await futures.result(id, 0, context())).toMatchObject({ body: "4" });
    await expect(futures.result(id, 0, context("other"))).rejects.toThrow("there is no future with this id");
    expect(() => futures.cancel(id, "other")).toThrow("there is no future with this id");
    await clock.advance(LIMITS.keepMs);
    await expect(futures.result(id, 0, context())).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect([futures.size, clock.timers]).toEqual([0, 0]);
  });

  it("make whoever asks wait no longer than wanted, nor when the request has ended", async () => {
    let answer = (_reply: HttpReply): void => undefined;
    const id = await add(
      new Promise((resolve) => {
        answer = resolve;
      }),
    );
    expect(await futures.result(id, 0, context())).toBe(undefined);
    const short = futures.result(id, 100, context());
    await clock.advance(100);
    expect(await short).toBe(undefined);
    const leaving = context();
    const left = futures.result(id, 100, leaving);
    leaving.abort(new Error("gone"));
    expect(await left).toBe(undefined);
    const long = futures.result(id, 100, context());
    answer({ status: 200, body: "5" });
    expect(await long).toMatchObject({ body: "5" });
  });

  it("fail with what the request fails with, at once when it is refused at once", async () => {
    await expect(add(Promise.reject(new ServeError("RESOURCE_EXHAUSTED", "full")))).rejects.toThrow("full");
    expect(futures.size).toBe(0);
    let fail = (_error: Error): void => undefined;
    const id = await add(
      new Promise((_, reject) => {
        fail = reject;
      }),
    );
    fail(new ServeError("INVALID_ARGUMENT", "wrong"));
    await expect(futures.result(id, 100, context())).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: "wrong" });
  });

  it("are bounded in number, of all and of one, and in bytes", async () => {
    await add(never);
    const second = await add(never);
    await expect(add(never)).rejects.toThrow("you have 2 futures, as many as may be");
    await add(never, "other");
    await expect(add(never, "third")).rejects.toThrow("there are 3 futures");
    futures.cancel(second, "me");
    await add(never);
  });

  it("whose answers have no room say so", async () => {
    const first = await add(reply("01234567"), "a");
    let answer = (_reply: HttpReply): void => undefined;
    const second = await add(
      new Promise((resolve) => {
        answer = resolve;
      }),
      "b",
    );
    answer({ status: 200, body: "01234567" });
    await settle();
    await expect(futures.result(second, 0, context("b"))).rejects.toThrow(
      "the answer has 8 bytes, and those that nobody has fetched already 8",
    );
    expect(await futures.result(first, 0, context("a"))).toMatchObject({ body: "01234567" });
    futures.cancel(first, "a");
    expect(await futures.result(await add(reply("0123456789"), "a"), 0, context("a"))).toMatchObject({ body: "0123456789" });
    expect(() => futures.assertRoom("c")).toThrow("the answers that nobody has fetched have 10 bytes");
  });

  it("end with their request when they are cancelled, and all of them with the server", async () => {
    const [own, other] = [context(), context()];
    const id = await add(never, "me", own);
    await add(never, "me", other);
    futures.cancel(id, "me");
    expect(own.aborted).toMatchObject({ code: "CANCELLED" });
    futures.close();
    expect(other.aborted).toMatchObject({ code: "UNAVAILABLE" });
    expect([futures.size, clock.timers]).toEqual([0, 0]);
  });
});
