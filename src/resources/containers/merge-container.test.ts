import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeContainer, mergeVolumes } from "./merge-container.ts";

const RUNTIME = {
  name: "kserve-container",
  image: "default-image",
  command: ["run"],
  args: ["--foo=bar", "--test=dummy"],
  env: [
    { name: "PORT", value: "8080" },
    { name: "PORT2", value: "8081" },
  ],
  ports: [{ containerPort: 8080, name: "http1" }],
  resources: { limits: { cpu: "1", memory: "2Gi" }, requests: { cpu: "1", memory: "2Gi" } },
  readinessProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 5 },
};

describe("mergeContainer", () => {
  it("is KServe's own case BasicMerge", () => {
    const own = {
      args: ["--new-arg=baz"],
      env: [
        { name: "PORT2", value: "8082" },
        { name: "Some", value: "Var" },
      ],
      resources: { limits: { cpu: "2", memory: "4Gi" } },
    };
    expect(mergeContainer(RUNTIME, own)).toEqual({
      ...RUNTIME,
      args: ["--foo=bar", "--test=dummy", "--new-arg=baz"],
      env: [
        { name: "PORT", value: "8080" },
        { name: "PORT2", value: "8082" },
        { name: "Some", value: "Var" },
      ],
      resources: { limits: { cpu: "2", memory: "4Gi" }, requests: { cpu: "1", memory: "2Gi" } },
    });
  });

  it("replaces command and image, merges ports by number, and takes nothing for something", () => {
    const merged = mergeContainer(RUNTIME, {
      image: "own",
      command: ["other"],
      args: [],
      env: null,
      workingDir: "",
      ports: [{ containerPort: 8080, protocol: "TCP" }, { containerPort: 9000 }],
    });
    expect(merged).toEqual({
      ...RUNTIME,
      image: "own",
      command: ["other"],
      ports: [{ containerPort: 8080, name: "http1", protocol: "TCP" }, { containerPort: 9000 }],
    });
  });

  it("lets a variable have one source, and a probe one action", () => {
    const valueFrom = { secretKeyRef: { name: "s", key: "k" } };
    const merged = mergeContainer(RUNTIME, {
      env: [{ name: "PORT", valueFrom }],
      readinessProbe: { exec: { command: ["true"] } },
    });
    expect(merged).toMatchObject({ env: [{ name: "PORT", valueFrom }, RUNTIME.env[1]] });
    expect(merged.readinessProbe).toEqual({ exec: { command: ["true"] }, periodSeconds: 5 });
    expect(mergeContainer(RUNTIME, { readinessProbe: { httpGet: { path: "/other" } } }).readinessProbe).toEqual({
      httpGet: { path: "/other", port: 8080 },
      periodSeconds: 5,
    });
  });
});

describe("mergeContainer of any two", () => {
  const variables = fc.uniqueArray(fc.record({ name: fc.constantFrom("A", "B", "C", "D"), value: fc.string() }), {
    selector: ({ name }) => name,
  });
  const words = fc.array(fc.string(), { maxLength: 3 });
  const container = fc.record({ env: variables, args: words, workingDir: fc.string(), resources: fc.dictionary(fc.string(), fc.string()) });

  it("has every argument, and each variable once with the service's value before the runtime's", () => {
    fc.assert(
      fc.property(container, container, (runtime, own) => {
        const { args, env } = mergeContainer(runtime, own) as typeof runtime;
        expect(args ?? []).toEqual([...runtime.args, ...own.args]);
        const expected = new Map([...runtime.env, ...own.env].map(({ name, value }) => [name, value]));
        expect(new Map(env.map(({ name, value }) => [name, value]))).toEqual(expected);
        expect(env).toHaveLength(expected.size);
      }),
    );
  });

  it("is the one when the other says nothing", () => {
    fc.assert(
      fc.property(container, (one) => {
        expect(mergeContainer(one, { env: [], args: [], workingDir: "" })).toEqual(one);
        expect(mergeContainer(mergeContainer(one, {}), {})).toEqual(one);
      }),
    );
  });
});

describe("mergeVolumes", () => {
  it("replaces volumes by name", () => {
    const base = [
      { name: "cache", emptyDir: {} },
      { name: "words", configMap: { name: "words" } },
    ];
    expect(
      mergeVolumes(base, [
        { name: "cache", hostPath: { path: "/cache" } },
        { name: "x", emptyDir: {} },
      ]),
    ).toEqual([{ name: "cache", hostPath: { path: "/cache" } }, base[1], { name: "x", emptyDir: {} }]);
  });
});
