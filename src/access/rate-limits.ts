import type { RateLimiter } from "../core/access.ts";
import type { Clock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import type { RateLimit } from "../core/rate-limit.ts";
import type { KeyRing } from "./key-ring.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** Pairs of who asks and which model is asked that are remembered at least. */
const BUCKETS = 32_768;

export interface RateLimitOptions {
  readonly ring: Pick<KeyRing, "closed" | "rateOf">;
  /** For keys and models that say nothing. */
  readonly usual?: RateLimit | undefined;
  readonly clock: Pick<Clock, "now">;
}

/** One bucket for each key (or tenant) and model. What the key says and what the model says both hold. */
export function createRateLimiter({ ring, usual, clock }: RateLimitOptions): RateLimiter {
  const buckets = new TokenBuckets(BUCKETS);
  return (principal, { namespace, name }, ofModel) => {
    const ofKey = ring.rateOf(principal);
    const limit = ofKey === undefined ? (ofModel ?? usual) : ofModel === undefined ? ofKey : both(ofKey, ofModel);
    if (limit === undefined) return;
    const wait = buckets.take(`${principal}\n${namespace}/${name}`, limit, clock.now());
    if (wait === 0) return;
    const seconds = Math.max(1, Math.ceil(wait / 1000));
    const [who, have] =
      principal === "" ? ["clients without a key together", "have"] : [`the ${ring.closed ? "key" : "tenant"} ${principal}`, "has"];
    throw new ServeError(
      "RESOURCE_EXHAUSTED",
      `${who} may send ${limit.text} requests to the model ${namespace}/${name}, and ${have} sent more; send the next one in ${seconds} s`,
      { retryAfter: seconds, refusal: "rate_limit" },
    );
  };
}

/** The slower rate and the smaller burst of two. */
function both(one: RateLimit, other: RateLimit): RateLimit {
  const slower = one.intervalMs >= other.intervalMs ? one : other;
  const burst = Math.min(one.burst, other.burst);
  return slower.burst === burst ? slower : { ...slower, burst, text: slower.text.replace(/\d+$/, String(burst)) };
}
