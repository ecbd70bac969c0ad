import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../core/inference.ts";
import { jsonPatch } from "./json-patch.ts";

describe("a JSON patch", () => {
  /** Mostly RFC 6902, appendix A. */
  it.each<[JsonValue, JsonValue, JsonValue]>([
    [{ foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { foo: "bar", baz: "qux" }],
    [{ foo: ["a", "c"] }, [{ op: "add", path: "/foo/1", value: "b" }], { foo: ["a", "b", "c"] }],
    [{ foo: ["a"] }, [{ op: "add", path: "/foo/-", value: ["b"] }], { foo: ["a", ["b"]] }],
    [{ foo: 1 }, [{ op: "add", path: "", value: [2] }], [2]],
    [{ baz: 1, foo: 2 }, [{ op: "remove", path: "/baz" }], { foo: 2 }],
    [{ foo: ["a", "b", "c"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["a", "c"] }],
    [{ foo: ["a", "b"] }, [{ op: "replace", path: "/foo/1", value: null }], { foo: ["a", null] }],
    [{ foo: { bar: 1 }, q: {} }, [{ op: "move", from: "/foo/bar", path: "/q/thud" }], { foo: {}, q: { thud: 1 } }],
    [{ foo: ["a", "b", "c"] }, [{ op: "move", from: "/foo/0", path: "/foo/2" }], { foo: ["b", "c", "a"] }],
    [{ foo: { a: 1 } }, [{ op: "copy", from: "/foo", path: "/bar" }], { foo: { a: 1 }, bar: { a: 1 } }],
    [{ foo: { a: [1] } }, [{ op: "test", path: "/foo", value: { a: [1] } }], { foo: { a: [1] } }],
    [
      { "/": 9, "~1": 10 },
      [
        { op: "replace", path: "/~1", value: 1 },
        { op: "remove", path: "/~01" },
      ],
      { "/": 1 },
    ],
  ])("%j after %j is %j", (document, patch, expected) => {
    const before = JSON.stringify(document);
    expect(jsonPatch(document, patch)).toEqual(expected);
    expect(JSON.stringify(document)).toBe(before);
  });

  it.each<[JsonValue, string]>([
    [{}, "expected a list of operations"],
    [[1], "operation 0 of the patch is 1; expected an object"],
    [[{ op: "spam", path: "/a" }], 'has the op "spam"; expected add'],
    [[{ op: "add", path: "a", value: 1 }], "expected a JSON Pointer"],
    [[{ op: "add", path: "/b" }], "has no value"],
    [[{ op: "add", path: "/nothing/b", value: 1 }], "names 'nothing'"],
    [[{ op: "add", path: "/list/3", value: 1 }], "names element '3' of a list of 2"],
    [[{ op: "add", path: "/list/01", value: 1 }], "names element '01'"],
    [[{ op: "remove", path: "/list/2" }], "names element '2'"],
    [[{ op: "replace", path: "/nothing", value: 1 }], "has no such member"],
    [[{ op: "remove", path: "/toString" }], "has no such member"],
    [[{ op: "add", path: "/text/a", value: 1 }], "has no members"],
    [[{ op: "test", path: "/text", value: 1 }], "tests /text, which has another value"],
    [[{ op: "move", from: "/list", path: "/list/0" }], "into itself"],
    [Array.from({ length: 40 }, () => ({ op: "copy", from: "", path: "/list/-" })), "copies too much"],
  ])("%j is refused", (patch, message) => {
    expect(() => jsonPatch({ list: [1, 2], text: "a" }, patch)).toThrow(message);
  });

  it("leaves the document and the patch as they are, for a second attempt", () => {
    const document = { list: [1], map: { a: 1 } };
    const patch = [
      { op: "add", path: "/map/b", value: { c: 1 } },
      { op: "add", path: "/map/b/d", value: 2 },
      { op: "copy", from: "/map/b", path: "/map/e" },
      { op: "remove", path: "/map/e/c" },
      { op: "add", path: "/map/__proto__", value: { polluted: true } },
    ];
    const before = JSON.stringify([document, patch]);
    const patched = jsonPatch(document, patch) as { map: object };
    expect(JSON.stringify(patched.map)).toBe('{"a":1,"b":{"c":1,"d":2},"e":{"d":2},"__proto__":{"polluted":true}}');
    expect(jsonPatch(document, patch)).toEqual(patched);
    expect(JSON.stringify([document, patch])).toBe(before);
  });

  it("copies a large document once, not for each operation", () => {
    const members = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`k${index}`, "v"]));
    const patch = Array.from({ length: 10_000 }, (_, index) => ({ op: "add", path: `/x${index}`, value: "v" }));
    expect(Object.keys(jsonPatch(members, patch) as object)).toHaveLength(30_000);
    expect(() => jsonPatch({}, [...patch, ...patch])).toThrow("20000 operations; at most 10000");
  });
});
