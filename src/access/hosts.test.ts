import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Hosts } from "./hosts.ts";

const services = ["default/iris", "team-a/my-iris", "default/my"];
const hosts = new Hosts({
  bound: "myhost",
  allowed: ["models.example.com", "*.internal.example.com"],
  hasService: ({ namespace, name }) => services.includes(`${namespace}/${name}`),
});

const check = (host: string | undefined, origin?: string) => hosts.check({ host, origin });

describe("Host", () => {
  it.each([
    undefined,
    "localhost",
    "LocalHost:8080",
    "localhost.:1",
    "console.localhost:3000",
    "127.0.0.1:8080",
    "127.9.9.9",
    "192.168.1.7:80",
    "[::1]:8080",
    "[fe80::1]",
    "myhost:8080",
    "models.example.com",
    "a.internal.example.com:443",
    "a.b.internal.example.com",
  ])("%s is this server", (host) => {
    for (let again = 0; again < 2; again++) expect(check(host)).toBeUndefined();
  });

  it.each([
    "evil.com",
    "localhost.evil.com",
    "127.0.0.1.evil.com",
    "evil.com:8080",
    "models.example.com.evil.com",
    "xmodels.example.com",
    "internal.example.com",
    ".internal.example.com",
    "evilinternal.example.com",
    "2130706433",
    "localhost@evil.com",
    "evil.com#localhost",
    "localhost, evil.com",
    "[::1].evil.com",
    "[localhost]",
    "[]",
    ":8080",
    "iris-other.example.com",
    "iris-default",
    "-default.example.com",
    "my-iris-default.example.com@evil",
  ])("%s is not", (host) => {
    for (let again = 0; again < 2; again++) {
      expect(() => check(host)).toThrow(
        expect.objectContaining({ code: "PERMISSION_DENIED", message: expect.stringContaining("--allowed-host") }),
      );
    }
  });

  it("may be a name of a service, whatever dashes are in it", () => {
    expect(check("iris-default.example.com")).toEqual({ namespace: "default", name: "iris" });
    expect(check("my-iris-team-a.127.0.0.1.sslip.io:8080")).toEqual({ namespace: "team-a", name: "my-iris" });
    expect(check("my-default.x")).toEqual({ namespace: "default", name: "my" });
    expect(check("latest-iris-default.x")).toEqual({ namespace: "default", name: "iris" });
    expect(check("prev-my-iris.team-a.svc:8080")).toEqual({ namespace: "team-a", name: "my-iris" });
  });

  it("is never anything else, whatever comes", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const host = `${text}.evil.com`;
        expect(() => check(host)).toThrow();
      }),
    );
  });
});

describe("Origin", () => {
  it.each([
    ["localhost:8080", "http://localhost:8080"],
    ["models.example.com", "https://models.example.com"],
    ["127.0.0.1:8080", "https://models.example.com"],
    ["127.0.0.1:8080", "https://a.internal.example.com:3000"],
    ["iris-default.x", "https://models.example.com"],
  ])("to %s from %s may", (host, origin) => {
    expect(() => check(host, origin)).not.toThrow();
  });

  it.each([
    ["localhost:8080", "http://localhost:3000"],
    ["localhost:8080", "http://127.0.0.1:8080"],
    ["localhost:8080", "null"],
    ["localhost:8080", ""],
    ["localhost:8080", "http://evil.com"],
    ["localhost:8080", "http://localhost:8080.evil.com"],
    ["localhost:8080", "chrome-extension://localhost:8080"],
    ["127.0.0.1:8080", "http://127.0.0.1"],
    ["iris-default.evil.com:8080", "http://iris-default.evil.com:8080"],
    [undefined, "http://"],
  ])("to %s from %s may not", (host, origin) => {
    expect(() => check(host, origin)).toThrow(expect.objectContaining({ code: "PERMISSION_DENIED" }));
  });
});

describe("isModelOf", () => {
  const service = { namespace: "team-a", name: "vision" };
  const owned = new Hosts({
    bound: "myhost",
    allowed: [],
    hasService: () => true,
    serviceOf: ({ name }) => (name === "detect" ? "vision" : name),
  });

  it.each([
    [{ namespace: "team-a", name: "vision" }, true],
    [{ namespace: "team-a", name: "detect" }, true],
    [{ namespace: "team-a", name: "other" }, false],
    [{ namespace: "default", name: "detect" }, false],
    [undefined, false],
  ])("of %j is %s", (model, expected) => {
    expect(owned.isModelOf(service, model)).toBe(expected);
  });

  it("knows only the service itself where nobody says whose models are whose", () => {
    expect(hosts.isModelOf(service, { namespace: "team-a", name: "detect" })).toBe(false);
  });
});
