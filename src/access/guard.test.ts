import { describe, expect, it } from "vitest";
import type { Access, Key } from "../core/access.ts";
import type { HttpHead, Route } from "../core/http.ts";
import { createGuard } from "./guard.ts";
import { Hosts } from "./hosts.ts";
import { KeyRing } from "./key-ring.ts";
import { createToken, digestOf } from "./token.ts";

let now = 0;
const ring = new KeyRing(false, () => now);
const guard = createGuard(new Hosts({ bound: "127.0.0.1", allowed: [], hasService: ({ name }) => name === "iris" }), ring);

const route = (access: Access, target?: Route["target"]): Route => ({
  method: "GET",
  path: "/",
  access,
  ...(target === undefined ? {} : { target }),
  handle: () => ({ status: 200, body: "" }),
  fail: () => ({ status: 500, body: "" }),
});
const about = (access: Access, name: string, namespace = "default"): Route => route(access, () => ({ namespace, name }));

/** "OK", or the code of the refusal. */
function verdict(to: Route, headers: HttpHead["headers"] = {}, params: HttpHead["params"] = {}): string {
  try {
    guard(to, { params, headers });
    return "OK";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

function keyOf(scopes: Key["scopes"], more: Partial<Key> = {}): HttpHead["headers"] {
  const token = createToken();
  const key = { name: "web", scopes, models: [], created: "2026-01-01T00:00:00Z", ...more };
  ring.replace([{ ...key, digest: digestOf(token) }], 0);
  return { authorization: `Bearer ${token}` };
}

const ALL = ["public", "infer", "read", "admin"] as const;
const verdicts = (headers?: HttpHead["headers"]): string[] => ALL.map((access) => verdict(route(access), headers));

describe("the guard", () => {
  it("lets everybody on this machine in until there is a key, and nobody without one from then on", () => {
    expect(verdicts()).toEqual(["OK", "OK", "OK", "OK"]);
    keyOf(["infer"]);
    expect(verdicts()).toEqual(["OK", "UNAUTHENTICATED", "UNAUTHENTICATED", "UNAUTHENTICATED"]);
    ring.replace([], 0);
    expect(verdicts()).toEqual(["OK", "UNAUTHENTICATED", "UNAUTHENTICATED", "UNAUTHENTICATED"]);
  });

  it("gives each scope its own, and admin all", () => {
    expect(verdicts(keyOf(["infer"]))).toEqual(["OK", "OK", "PERMISSION_DENIED", "PERMISSION_DENIED"]);
    expect(verdicts(keyOf(["read"]))).toEqual(["OK", "PERMISSION_DENIED", "OK", "PERMISSION_DENIED"]);
    expect(verdicts(keyOf(["infer", "read"]))).toEqual(["OK", "OK", "OK", "PERMISSION_DENIED"]);
    expect(verdicts(keyOf(["admin"]))).toEqual(["OK", "OK", "OK", "OK"]);
  });

  it("takes a key as bearer or as X-API-Key, and nothing like one", () => {
    const { authorization } = keyOf(["read"]) as { authorization: string };
    const token = authorization.slice(7);
    const read = route("read");
    expect(verdict(read, { authorization: `bearer ${token}` })).toBe("OK");
    expect(verdict(read, { "x-api-key": token })).toBe("OK");
    expect(verdict(read, { authorization: "Basic eA==", "x-api-key": token })).toBe("OK");
    const wrong = [
      {},
      { authorization: token },
      { authorization: `Basic ${token}` },
      { authorization: "Bearer " },
      { authorization: `Bearer ${token}x` },
      { authorization: `Bearer ${token.slice(0, -1)}` },
      { authorization: `Bearer ${createToken()}`, "x-api-key": token },
      { authorization: `Bearer ${digestOf(token)}` },
      { "x-api-key": `${token}, ${token}` },
      { "x-api-key": [token] },
      { cookie: `key=${token}` },
    ];
    for (const headers of wrong) expect(verdict(read, headers)).toBe("UNAUTHENTICATED");
  });

  it("ends a key when it expires", () => {
    const headers = keyOf(["read"], { expires: "2026-01-02T00:00:00Z" });
    now = Date.parse("2026-01-01T23:59:59Z");
    expect(verdict(route("read"), headers)).toBe("OK");
    now = Date.parse("2026-01-02T00:00:00Z");
    expect(verdict(route("read"), headers)).toBe("UNAUTHENTICATED");
  });

  it("limits a key to its models, and to routes that are about one", () => {
    const headers = keyOf(["infer", "read"], { models: ["default/iris", "team-*/*"] });
    expect(verdict(about("infer", "iris"), headers)).toBe("OK");
    expect(verdict(about("read", "wine", "team-a"), headers)).toBe("OK");
    expect(verdict(about("infer", "iris2"), headers)).toBe("PERMISSION_DENIED");
    expect(verdict(about("infer", "iris", "prod"), headers)).toBe("PERMISSION_DENIED");
    expect(verdict(route("read"), headers)).toBe("PERMISSION_DENIED");
    expect(verdict(route("public"), headers)).toBe("OK");
  });

  it("reaches one service under its Host, whatever the key is", () => {
    const host = "iris-default.example.com";
    const headers = { ...keyOf(["admin"]), host };
    expect(verdict(about("infer", "iris"), headers)).toBe("OK");
    expect(verdict(about("infer", "iris", "prod"), headers)).toBe("PERMISSION_DENIED");
    expect(verdict(about("infer", "wine"), headers)).toBe("PERMISSION_DENIED");
    expect(verdict(about("admin", "iris"), headers)).toBe("PERMISSION_DENIED");
    expect(verdict(route("read"), headers)).toBe("PERMISSION_DENIED");
    expect(verdict(route("public"), headers)).toBe("OK");
    expect(verdict(about("infer", "iris"), { host })).toBe("UNAUTHENTICATED");
  });

  it("checks Host and Origin on public routes too", () => {
    expect(verdict(route("public"), { host: "evil.com" })).toBe("PERMISSION_DENIED");
    expect(verdict(route("public"), { host: "localhost", origin: "http://evil.com" })).toBe("PERMISSION_DENIED");
  });

  it("does not tell below a prefix which services there are", () => {
    expect(verdict(route("public"), {}, { namespace: "prod", service: "iris" })).toBe("UNAUTHENTICATED");
    expect(verdict(route("public"), keyOf(["read"]), { namespace: "prod", service: "iris" })).toBe("OK");
  });

  it("says whose request it is: the key's, else the tenant's", () => {
    const open = new KeyRing(false, () => now);
    const hosts = new Hosts({ bound: "127.0.0.1", allowed: [], hasService: () => false });
    const named = createGuard(hosts, open, "x-tenant");
    const ask = (headers: HttpHead["headers"], access: Access = "infer"): string => named(route(access), { params: {}, headers });
    expect([ask({}), ask({ "x-tenant": "acme" }), ask({ "x-tenant": "acme" }, "public")]).toEqual(["", "acme", ""]);
    expect(createGuard(hosts, open)(route("infer"), { params: {}, headers: { "x-tenant": "acme" } })).toBe("");
    for (const tenant of ["", "a b", "é", "x".repeat(129), ["a", "b"]]) {
      expect(() => ask({ "x-tenant": tenant })).toThrow(
        "header x-tenant: expected 1 to 128 visible ASCII characters without spaces, found",
      );
    }
    const token = createToken();
    open.replace([{ name: "web", scopes: ["infer"], models: [], created: "2026-01-01T00:00:00Z", digest: digestOf(token) }], 0);
    expect(ask({ "x-api-key": token, "x-tenant": "acme" })).toBe("web");
    expect(() => ask({ "x-tenant": "acme" })).toThrow("a key is needed");
  });
});
