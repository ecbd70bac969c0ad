import { type Key, type KeyWish, SCOPES, type Scope } from "../core/access.ts";
import { ServeError } from "../core/errors.ts";
import { parseRateLimit, RATE_LIMIT_RULE } from "../core/rate-limit.ts";
import { wholePattern } from "./model-pattern.ts";

/** Lower case only: file systems that do not tell cases apart would take two names for one. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MOST_MODELS = 100;
const MOST_DAYS = 36_500;
const DAY_MS = 86_400_000;

/** @throws ServeError INVALID_ARGUMENT */
export function assertKeyName(name: string): void {
  if (NAME.test(name)) return;
  throw invalid(
    `'${name}' is not a name of a key: expected at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit`,
  );
}

/**
 * The key that is wished for. `now` is in milliseconds since 1970.
 * @throws ServeError INVALID_ARGUMENT
 */
export function keyFrom({ name, scopes, models = [], expires, rate }: KeyWish, now: number): Key {
  assertKeyName(name);
  const wanted = SCOPES.filter((scope) => scopes.includes(scope));
  const unknown = scopes.filter((scope) => !SCOPES.includes(scope as Scope));
  if (unknown.length > 0) throw invalid(`there is no scope '${unknown.join("', '")}'; there are ${SCOPES.join(", ")}`);
  if (wanted.length === 0) throw invalid(`a key needs a scope: ${SCOPES.join(", ")}`);
  if (wanted.includes("admin") && models.length > 0) {
    throw invalid("a key with the scope admin changes everything and cannot be limited to models; leave one of the two out");
  }
  if (models.length > MOST_MODELS) throw invalid(`a key is limited to at most ${MOST_MODELS} models, not ${models.length}; use patterns`);
  if (expires !== undefined && !(expires > 0 && expires <= MOST_DAYS)) {
    throw invalid(`a key expires after more than 0 and at most ${MOST_DAYS} days, not ${expires}`);
  }
  const limit = rate === undefined ? undefined : parseRateLimit(rate);
  if (rate !== undefined && limit === undefined) throw invalid(`'${rate}' is not the rate of a key: expected ${RATE_LIMIT_RULE}`);
  return {
    name,
    scopes: wanted,
    models: [...new Set(models.map(wholePattern))],
    created: new Date(now).toISOString(),
    ...(expires === undefined ? {} : { expires: new Date(now + expires * DAY_MS).toISOString() }),
    ...(limit === undefined ? {} : { rate: limit.text }),
  };
}

function invalid(message: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", message);
}
