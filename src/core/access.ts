import type { Target } from "./inference.ts";
import type { RateLimit } from "./rate-limit.ts";

/** What a key may be used for; `admin` includes the others. */
export const SCOPES = ["infer", "read", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** What a route asks for: nothing, or a key with a scope. */
export type Access = "public" | Scope;

/** A key as everybody who may list keys sees it. The key itself is known to its holder only. */
export interface Key {
  /** Lower-case letters, digits and "-", at most 63. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** `NAMESPACE/NAME`, where either may be or end in "*"; when there are none, all models. */
  readonly models: readonly string[];
  /** RFC 3339. */
  readonly created: string;
  /** RFC 3339; undefined for a key that does not expire. */
  readonly expires?: string | undefined;
  /** Requests that it may send to each model, such as "100/s burst 200"; undefined for what models and settings say. */
  readonly rate?: string | undefined;
}

export interface KeyWish {
  readonly name: string;
  readonly scopes: readonly string[];
  /** A name without a namespace is one of `default`. */
  readonly models?: readonly string[] | undefined;
  /** Days from now. */
  readonly expires?: number | undefined;
  /** Such as "100/s" or "100/s burst 200". */
  readonly rate?: string | undefined;
}

export interface CreatedKey {
  readonly key: Key;
  /** What its holder sends. It is nowhere else and cannot be had again. */
  readonly token: string;
}

/** Everything here takes effect on disk, and in this process, before it settles. */
export interface Keys {
  /** By name. */
  list(): Promise<readonly Key[]>;
  /** @throws ServeError INVALID_ARGUMENT, ALREADY_EXISTS */
  create(wish: KeyWish): Promise<CreatedKey>;
  /** @throws ServeError NOT_FOUND */
  revoke(name: string): Promise<void>;
}

/**
 * Counts a request of a key or tenant for a model that has a limit of its own or none.
 * @throws ServeError RESOURCE_EXHAUSTED with the seconds until the next one may come
 */
export type RateLimiter = (principal: string, model: Pick<Target, "namespace" | "name">, limit: RateLimit | undefined) => void;
