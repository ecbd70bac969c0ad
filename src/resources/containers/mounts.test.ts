import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../core/inference.ts";
import { claimsIn, readMounts } from "./mounts.ts";

const PLACES = { namespace: "flowers", claims: new Map([["data", "/srv/data"]]) };

function read(volume: JsonObject, mount: JsonObject = {}): ReturnType<typeof readMounts> {
  const container = { volumeMounts: [{ name: "v", mountPath: "/in/it/", ...mount }] };
  return readMounts(
    container,
    [
      { name: "other", nfs: {} },
      { name: "v", ...volume },
    ],
    PLACES,
  );
}

describe("readMounts", () => {
  it("knows the volumes of one machine", () => {
    expect(read({ emptyDir: {} })).toEqual([
      { path: "/in/it", readOnly: false, source: { kind: "empty", sizeLimit: undefined, inMemory: false } },
    ]);
    expect(read({ emptyDir: { medium: "Memory", sizeLimit: "1Gi" } })).toMatchObject([{ source: { sizeLimit: 2 ** 30, inMemory: true } }]);
    expect(read({ hostPath: { path: "/srv/./x" } }, { readOnly: true, subPath: "deep/er" })).toEqual([
      { path: "/in/it", readOnly: true, source: { kind: "folder", path: "/srv/x/deep/er" } },
    ]);
    expect(read({ persistentVolumeClaim: { claimName: "data", readOnly: true } })).toEqual([
      { path: "/in/it", readOnly: true, source: { kind: "folder", path: "/srv/data" } },
    ]);
    const of = { kind: "secret", namespace: "flowers", object: "keys" };
    const items = [{ key: "a", path: "sub/a.txt" }];
    expect(read({ secret: { secretName: "keys", items, optional: true } })).toEqual([
      { path: "/in/it", readOnly: true, source: { kind: "object", of, items: { a: "sub/a.txt" }, optional: true } },
    ]);
    expect(read({ projected: { sources: [{ secret: { name: "keys" } }] } })).toMatchObject([
      { source: { kind: "object", of, items: undefined } },
    ]);
    expect(read({ configMap: { name: "words" } })).toMatchObject([{ source: { of: { kind: "configMap", object: "words" } } }]);
  });

  it.each([
    [{ nfs: { path: "/", server: "x" } }, {}, /is of the kind nfs, which this server has not; expected emptyDir/],
    [{}, {}, /of the kind no kind/],
    [{ emptyDir: {} }, { name: "none" }, /the volume none is to be mounted at .*: there are other, v/],
    [{ hostPath: { path: "relative" } }, {}, /expected an absolute path/],
    [{ hostPath: { path: "/x" } }, { subPath: "../y" }, /expected one below it/],
    [{ secret: { secretName: "s", items: [{ key: "a", path: "/etc/x" }] } }, {}, /has the path \/etc\/x/],
    [{ configMap: { name: "c" } }, { subPath: "key" }, /name its keys in items/],
    [{ configMap: {} }, {}, /names no configMap/],
    [{ projected: { sources: [{}, {}] } }, {}, /projects 2 sources/],
    [{ persistentVolumeClaim: { claimName: "unknown" } }, {}, /of the kind persistentVolumeClaim/],
  ])("refuses %j mounted as %j", (volume, mount, message) => {
    expect(() => read(volume as JsonObject, mount)).toThrow(message);
  });

  it("mounts an empty folder once", () => {
    const volumeMounts = [
      { name: "v", mountPath: "/a" },
      { name: "v", mountPath: "/b" },
    ];
    expect(() => readMounts({ volumeMounts }, [{ name: "v", emptyDir: {} }], PLACES)).toThrow(/mounted at \/a and \/b/);
    expect(readMounts({ volumeMounts }, [{ name: "v", hostPath: { path: "/x" } }], PLACES)).toHaveLength(2);
  });
});

describe("claimsIn", () => {
  it("names those that are mounted", () => {
    const volumes = [
      { name: "a", persistentVolumeClaim: { claimName: "data" } },
      { name: "b", persistentVolumeClaim: { claimName: "unused" } },
      { name: "c", emptyDir: {} },
    ];
    const volumeMounts = ["a", "c", "a"].map((name) => ({ name, mountPath: `/${name}` }));
    expect(claimsIn({ volumeMounts }, volumes)).toEqual(["data"]);
  });
});
