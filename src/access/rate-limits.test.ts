import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { parseRateLimit, type RateLimit } from "../core/rate-limit.ts";
import { createRateLimiter } from "./rate-limits.ts";

const limit = (text: string): RateLimit => parseRateLimit(text) as RateLimit;
const KEYS = new Map([
  ["slow", limit("1/s burst 2")],
  ["quick", limit("1000/s")],
]);
const ring = { closed: true, rateOf: (name: string) => KEYS.get(name) };
const IRIS = { namespace: "default", name: "iris" };

describe("rate limits", () => {
  it("are those of a key for each model, and say when the next request may come", async () => {
    const clock = new FakeClock();
    const take = createRateLimiter({ ring, clock });
    take("slow", IRIS, undefined);
    take("slow", IRIS, undefined);
    take("slow", { ...IRIS, name: "wine" }, undefined);
    const message = "the key slow may send 1/s burst 2 requests to the model default/iris, and has sent more; send the next one in 1 s";
    expect(() => take("slow", IRIS, undefined)).toThrow(
      expect.objectContaining({ code: "RESOURCE_EXHAUSTED", retryAfter: 1, refusal: "rate_limit", message }),
    );
    await clock.advance(999);
    expect(() => take("slow", IRIS, undefined)).toThrow();
    await clock.advance(1);
    take("slow", IRIS, undefined);
    expect(() => take("slow", IRIS, undefined)).toThrow();
  });

  it("are the lower ones of key and model, else the usual one, else none", () => {
    const said = (principal: string, ofModel?: RateLimit, usual?: RateLimit): string => {
      const take = createRateLimiter({ ring, clock: new FakeClock(), usual });
      try {
        for (let count = 0; count < 5000; count++) take(principal, IRIS, ofModel);
        return "";
      } catch (error) {
        return /may send (.*) requests/.exec((error as Error).message)?.[1] ?? "";
      }
    };
    expect(said("quick", limit("5/s"))).toBe("5/s burst 5");
    expect(said("slow", limit("5/s"))).toBe("1/s burst 2");
    expect(said("slow", limit("5/s burst 1"))).toBe("1/s burst 1");
    expect(said("web", limit("5/s"), limit("9/s"))).toBe("5/s burst 5");
    expect(said("slow", undefined, limit("9/s"))).toBe("1/s burst 2");
    expect(said("web", undefined, limit("9/s"))).toBe("9/s burst 9");
    expect(said("web")).toBe("");
  });

  it("name a key, a tenant or nobody, and seconds that are enough", () => {
    const texts = [true, false].flatMap((closed) =>
      ["web", ""].map((principal) => {
        const take = createRateLimiter({ ring: { ...ring, closed }, clock: new FakeClock() });
        take(principal, IRIS, limit("2/m"));
        try {
          take(principal, IRIS, limit("2/m"));
          return "";
        } catch (error) {
          return (error as Error).message.replace(/ may send .* in /, ": ");
        }
      }),
    );
    expect(texts).toEqual([
      "the key web: 30 s",
      "clients without a key together: 30 s",
      "the tenant web: 30 s",
      "clients without a key together: 30 s",
    ]);
  });
});
