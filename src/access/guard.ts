import type { Access, Key } from "../core/access.ts";
import { ServeError } from "../core/errors.ts";
import type { HttpHead, Route } from "../core/http.ts";
import type { Hosts } from "./hosts.ts";
import type { KeyRing } from "./key-ring.ts";
import { matchesPattern } from "./model-pattern.ts";

type Head = Pick<HttpHead, "params" | "headers">;

/** What is asked for. `targetLater` and `targetInBody`: the model is in what has not come, and the guard is asked again when it has. */
type Guarded = Pick<Route, "access" | "target" | "targetInBody"> & { readonly targetLater?: boolean };

/**
 * Returns who asks: the name of the key, or where none is needed the tenant, or "".
 * @throws ServeError UNAUTHENTICATED, PERMISSION_DENIED or INVALID_ARGUMENT, for a request that may not go on to the route
 */
export type Guard = (route: Guarded, head: Head) => string;

/** Visible characters of ASCII: tenants are names in metrics and logs. */
const TENANT = /^[\x21-\x7e]{1,128}$/;

/**
 * Decides by what a request says before its body: where it believes to be, which page it comes from, which key it has.
 * @param tenantHeader lower-case name of the header that names who asks, where no key does
 */
export function createGuard(hosts: Hosts, ring: KeyRing, tenantHeader?: string): Guard {
  return (route, head) => {
    const service = hosts.check(head.headers);
    const access = accessOf(route, head);
    if (service !== undefined && access !== "public" && !isLater(route)) {
      if (!hosts.isModelOf(service, route.target?.(head)) || access === "admin") {
        const hint = "only that service is reached under it; give --allowed-host to the server to reach all of it";
        throw denied(`the Host header names the service ${service.namespace}/${service.name}, and ${hint}`);
      }
    }
    if (access === "public") return "";
    if (!ring.closed) return tenantHeader === undefined ? "" : tenantIn(head, tenantHeader);
    const token = tokenIn(head);
    if (token === undefined) {
      throw new ServeError(
        "UNAUTHENTICATED",
        `a key is needed, with the scope ${access}: send 'Authorization: Bearer KEY' or 'X-API-Key: KEY'`,
      );
    }
    const key = ring.find(token);
    if (key === undefined) throw new ServeError("UNAUTHENTICATED", "the key that was sent is unknown, revoked or expired");
    authorize(key, access, route, head);
    return key.name;
  };
}

function isLater({ targetLater, targetInBody }: Guarded): boolean {
  return targetLater === true || targetInBody !== undefined;
}

/** Below a service's prefix, answers about health tell which services there are. */
function accessOf({ access }: Guarded, { params }: Head): Access {
  return access === "public" && params.service !== undefined ? "read" : access;
}

/** `Authorization: Bearer`, else `X-API-Key`. */
function tokenIn({ headers }: Head): string | undefined {
  const { authorization } = headers;
  if (typeof authorization === "string" && /^bearer /i.test(authorization)) return authorization.slice("bearer ".length).trim();
  const named = headers["x-api-key"];
  return typeof named === "string" ? named : undefined;
}

function tenantIn({ headers }: Head, name: string): string {
  const tenant = headers[name];
  if (tenant === undefined) return "";
  if (typeof tenant === "string" && TENANT.test(tenant)) return tenant;
  const found = typeof tenant === "string" ? `${JSON.stringify(tenant.slice(0, 20))} with ${tenant.length} characters` : "several";
  throw new ServeError("INVALID_ARGUMENT", `header ${name}: expected 1 to 128 visible ASCII characters without spaces, found ${found}`);
}

function authorize({ name, scopes, models }: Key, access: Access, route: Guarded, head: Head): void {
  if (!scopes.includes(access as (typeof scopes)[number]) && !scopes.includes("admin")) {
    throw denied(`the key ${name} has the scope ${scopes.join(" and ")}; this needs ${access}`);
  }
  if (models.length === 0 || isLater(route)) return;
  const target = route.target?.(head);
  if (target === undefined)
    throw denied(`the key ${name} is limited to the models ${models.join(", ")}; this is not about one of them alone`);
  if (!models.some((pattern) => matchesPattern(pattern, target))) {
    throw denied(`the key ${name} is limited to the models ${models.join(", ")}; ${target.namespace}/${target.name} is not one of them`);
  }
}

function denied(message: string): ServeError {
  return new ServeError("PERMISSION_DENIED", message);
}
