import type { Route } from "../core/http.ts";

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export type Lookup = Match | { readonly allowed: readonly string[] };

interface Pattern {
  readonly segments: readonly Segment[];
  readonly route: Route;
}

type Segment = { readonly literal: string } | { readonly parameter: string; readonly suffix: string; readonly afterColon?: string };

/** Those whose paths are kept. */
const METHODS: readonly string[] = ["GET", "POST"];
/** For each of them. */
const CACHE_ENTRIES = 2048;
/** Longer paths are not kept: clients choose them. */
const CACHED_CHARACTERS = 512;

/**
 * Finds the route for a method and a raw path. Every route is also found below the prefix, if there is one, whose parameters
 * are added to its own then. Paths that were found before are answered from a bounded cache, so a
 * request for a model costs one map lookup.
 */
export function createRouter(routes: readonly Route[], prefix?: string): (method: string, path: string) => Lookup {
  const patterns = routes.map(compile);
  const prefixSegments = prefix === undefined ? undefined : compilePath(prefix);
  const caches = new Map<string, Map<string, Match>>(METHODS.map((method) => [method, new Map()]));
  return (method, path) => {
    const cache = caches.get(method);
    const cached = cache?.get(path);
    if (cached !== undefined) return cached;
    const segments = path.split("/");
    const found = (prefixSegments && findBelow(prefixSegments, patterns, method, segments)) ?? find(patterns, method, segments);
    if ("route" in found && path.length <= CACHED_CHARACTERS && cache !== undefined) {
      if (cache.size >= CACHE_ENTRIES) cache.clear();
      cache.set(path, found);
    }
    return found;
  };
}

/** Undefined when the path is not below the prefix. */
function findBelow(
  prefix: readonly Segment[],
  patterns: readonly Pattern[],
  method: string,
  segments: readonly string[],
): Lookup | undefined {
  if (segments.length <= prefix.length) return undefined;
  const params = matchSegments(prefix, segments.slice(0, prefix.length));
  if (params === undefined) return undefined;
  const found = find(patterns, method, ["", ...segments.slice(prefix.length)]);
  return "route" in found ? { route: found.route, params: { ...params, ...found.params } } : found;
}

function find(patterns: readonly Pattern[], method: string, segments: readonly string[]): Lookup {
  const allowed = new Set<string>();
  for (const { segments: pattern, route } of patterns) {
    const params = matchSegments(pattern, segments);
    if (params === undefined) continue;
    if (route.method === method || (route.method === "GET" && method === "HEAD")) return { route, params };
    allowed.add(route.method);
  }
  return { allowed: [...allowed] };
}

function compile(route: Route): Pattern {
  return { segments: compilePath(route.path), route };
}

function compilePath(path: string): readonly Segment[] {
  return path.split("/").map((text): Segment => {
    const [, parameter, suffix = ""] = /^\{(\w+)\}(.*)$/.exec(text) ?? [];
    if (parameter === undefined) return { literal: text };
    const afterColon = /^:\{(\w+)\}$/.exec(suffix)?.[1];
    return afterColon === undefined ? { parameter, suffix } : { parameter, suffix: "", afterColon };
  });
}

function matchSegments(pattern: readonly Segment[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (let index = 0; index < pattern.length; index++) {
    const expected = pattern[index] as Segment;
    const actual = segments[index] as string;
    if ("literal" in expected) {
      if (expected.literal !== actual) return undefined;
      continue;
    }
    if (!actual.endsWith(expected.suffix)) return undefined;
    let end = actual.length - expected.suffix.length;
    if (expected.afterColon !== undefined) {
      end = actual.lastIndexOf(":");
      const verb = end < 0 ? undefined : decode(actual.slice(end + 1));
      if (verb === undefined || verb === "") return undefined;
      params[expected.afterColon] = verb;
    }
    const value = decode(actual.slice(0, end));
    if (value === undefined || value === "" || (expected.suffix === "" && value.includes(":"))) return undefined;
    params[expected.parameter] = value;
  }
  return params;
}

function decode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
