import { describe, expect, it } from "vitest";
import type { ServingRuntime, SupportedFormat } from "../core/resource.ts";
import { type RuntimeChoice, type RuntimeQuestion, selectRuntime } from "./select-runtime.ts";

const EPOCH = "1970-01-01T00:00:00Z";

function format(name: string, version?: string, priority?: number, autoSelect = true): SupportedFormat {
  return { name, autoSelect, ...(version === undefined ? {} : { version }), ...(priority === undefined ? {} : { priority }) };
}

function runtime(name: string, formats: readonly SupportedFormat[], more: Partial<ServingRuntime> = {}): ServingRuntime {
  return {
    name,
    namespace: undefined,
    formats,
    protocolVersions: ["v1", "v2"],
    multiModel: false,
    disabled: false,
    multiNode: false,
    creationTimestamp: EPOCH,
    host: undefined,
    image: undefined,
    ...more,
  };
}

/** `sklearn`, `sklearn:1`. */
function ask(wanted: string, model: Partial<RuntimeQuestion["model"]> = {}, multiNode = false): RuntimeQuestion {
  const [name = "", version] = wanted.split(":");
  return { namespace: "default", model: { format: { name, ...(version === undefined ? {} : { version }) }, ...model }, multiNode };
}

/** Names of all that fit, the chosen one first. */
function fitting({ candidates }: RuntimeChoice): string[] {
  return candidates.filter(({ chosen, reason }) => chosen || reason.startsWith("fits too")).map(({ name }) => name);
}

function reasons({ candidates }: RuntimeChoice): Record<string, string> {
  return Object.fromEntries(candidates.map(({ name, reason }) => [name, reason]));
}

describe("the situations of KServe's own tests", () => {
  const here = { namespace: "default" };
  const v2 = { protocolVersions: ["v2"] } as const;
  const tensorflow = [format("tensorflow", "1", 1)];
  const runtimes = [
    runtime("tf", tensorflow, here),
    runtime("sklearn", [format("sklearn", "0", 1)], here),
    runtime("pmml", [format("pmml", "4", 1, false)], { ...here, disabled: true }),
    runtime("mlserver", [format("sklearn", "0", 2), format("lightgbm", "3", 2)], { ...here, ...v2 }),
    runtime("triton", [format("sklearn", "0"), format("triton", "1", 1), format("lightgbm", "3")], { ...here, ...v2 }),
    runtime("other", [format("sklearn", "0")], { ...here, ...v2 }),
    runtime("huggingface-workers", [format("huggingface", "1", 2)], { ...here, multiNode: true }),
    runtime("cluster-mlserver-mms", [format("sklearn", "0", 2), format("xgboost", "1", 2)], { ...v2, multiModel: true }),
    runtime("cluster-tf", tensorflow),
    runtime("cluster-xgboost", [format("xgboost", "0", 1)], v2),
  ];

  it.each<[string, RuntimeQuestion, string[]]>([
    ["namespace before cluster", ask("tensorflow"), ["tf", "cluster-tf"]],
    ["unknown format", ask("nonexistent"), []],
    ["disabled, and without autoSelect", ask("pmml"), []],
    ["the default protocol is v1", ask("sklearn"), ["sklearn"]],
    ["v2 finds what has only v2, and never ModelMesh's", ask("xgboost", { protocolVersion: "v2" }), ["cluster-xgboost"]],
    ["v1 does not", ask("xgboost", { protocolVersion: "v1" }), []],
    ["priority, then none at all by name", ask("sklearn", { protocolVersion: "v2" }), ["mlserver", "sklearn", "other", "triton"]],
    ["workers", ask("huggingface", { protocolVersion: "v2" }, true), ["huggingface-workers"]],
    ["workers that the predictor does not ask for", ask("huggingface", { protocolVersion: "v2" }), []],
    ["workers that no runtime has", ask("tensorflow", {}, true), []],
  ])("%s", (_name, question, expected) => {
    const choice = selectRuntime(question, runtimes);
    expect(fitting(choice)).toEqual(expected);
    expect(choice.runtime?.name).toBe(expected[0]);
    expect(choice.failure?.reason).toBe(expected.length === 0 ? "NoSupportingRuntime" : undefined);
  });

  it("protocols: none named supports all, and leaves the model's as it is", () => {
    const all = runtime("all", [format("a")], { protocolVersions: [] });
    for (const protocolVersion of ["v1", "v2", "grpc-v1", "grpc-v2"] as const) {
      expect(selectRuntime(ask("a", { protocolVersion }), [all])).toMatchObject({ runtime: all, protocolVersion });
    }
    expect(selectRuntime(ask("a"), [all])).not.toHaveProperty("protocolVersion");
    const some = runtime("some", [format("a")], { protocolVersions: ["v2", "grpc-v2"] });
    expect(selectRuntime(ask("a", { protocolVersion: "grpc-v2" }), [some]).runtime).toBe(some);
    expect(selectRuntime(ask("a", { protocolVersion: "v1" }), [some]).runtime).toBeUndefined();
  });
});

describe("the order", () => {
  const at = (creationTimestamp: string) => ({ creationTimestamp });
  const a = (priority?: number) => [format("a", "1", priority)];
  const here = { namespace: "default" };

  it.each<[string, ServingRuntime, ServingRuntime, string, string]>([
    [
      "the namespace wins against any priority of the cluster",
      runtime("z", a(), here),
      runtime("b", a(9)),
      "is preferred to b: it is in the namespace, that one is for the whole cluster",
      "fits too, and z is preferred: it is in the namespace, this one is for the whole cluster",
    ],
    [
      "the higher priority wins against protocol, age and name",
      runtime("z", a(3), { protocolVersions: [] }),
      runtime("b", a(1), at("2026-01-01T00:00:00Z")),
      "is preferred to b: it has priority 3, that one 1",
      "fits too, and z is preferred: it has priority 3, this one 1",
    ],
    [
      "no priority comes after the lowest",
      runtime("z", a(1)),
      runtime("b", a(), at("2026-01-01T00:00:00Z")),
      "is preferred to b: it has priority 1, that one none",
      "fits too, and z is preferred: it has priority 1, this one none",
    ],
    [
      "the lower protocol wins against age and name",
      runtime("z", a(), { protocolVersions: ["grpc-v2", "v1"] }),
      runtime("b", a(), { ...at("2026-01-01T00:00:00Z"), protocolVersions: [] }),
      "is preferred to b: the lowest protocol that it names is v1, that one names none",
      "fits too, and z is preferred: the lowest protocol that it names is v1, this one names none",
    ],
    [
      "the newer wins against the name",
      runtime("z", a(2), at("2026-01-01T00:00:01Z")),
      runtime("b", a(2), at("2026-01-01T00:00:00Z")),
      "is preferred to b: it is newer",
      "fits too, and z is preferred: it is newer",
    ],
    [
      "the name, when everything else is equal",
      runtime("b", a(), at("2026-01-01T01:00:00+01:00")),
      runtime("z", a(), at("2026-01-01T00:00:00Z")),
      "is preferred to z: it comes first by name",
      "fits too, and b is preferred: it comes first by name",
    ],
  ])("%s", (_name, first, second, whyFirst, whySecond) => {
    for (const runtimes of [
      [first, second],
      [second, first],
    ]) {
      const choice = selectRuntime(ask("a"), runtimes);
      expect(choice.runtime).toBe(first);
      expect(choice.candidates.map(({ chosen, reason }) => [chosen, reason])).toEqual([
        [true, whyFirst],
        [false, whySecond],
      ]);
    }
  });

  it("takes v2 before grpc-v1 before grpc-v2", () => {
    const runtimes = [
      runtime("a", a(), { protocolVersions: ["grpc-v2"] }),
      runtime("b", a(), { protocolVersions: ["grpc-v1", "grpc-v2"] }),
      runtime("c", a(), { protocolVersions: ["grpc-v2", "v2"] }),
    ];
    expect(fitting(selectRuntime(ask("a", { protocolVersion: "grpc-v2" }), runtimes))).toEqual(["c", "b", "a"]);
  });

  it("takes the priority from the first entry of that name, whatever its version and autoSelect", () => {
    const first = runtime("first", [format("a", "1", 5, false), format("a", "2", 1)]);
    const second = runtime("second", [format("a", "2", 4)]);
    expect(fitting(selectRuntime(ask("a:2"), [second, first]))).toEqual(["first", "second"]);
    const none = runtime("none", [format("a", "1"), format("a", "2", 9)]);
    expect(fitting(selectRuntime(ask("a:2"), [none, second]))).toEqual(["second", "none"]);
  });

  it("never looks at runtimes of other namespaces", () => {
    const choice = selectRuntime(ask("a"), [runtime("elsewhere", a(), { namespace: "other" })]);
    expect(choice.candidates).toEqual([]);
    expect(choice.failure?.message).toBe(
      "No runtime found to support specified framework/version: a over v1 (the default). There are no runtimes.",
    );
  });
});

describe("reasons against a runtime", () => {
  const one = format("sklearn", "1");
  it.each<[string, RuntimeQuestion, ServingRuntime, string]>([
    [
      "another format",
      ask("sklearn"),
      runtime("r", [format("xgboost", "1"), format("xgboost", "2"), format("lightgbm")], { disabled: true, protocolVersions: ["v2"] }),
      "does not support format 'sklearn' (it has xgboost, lightgbm)",
    ],
    ["no formats", ask("sklearn"), runtime("r", []), "does not support format 'sklearn' (it has none)"],
    ["another version", ask("sklearn:1"), runtime("r", [format("sklearn", "0")]), "supports sklearn only in version 0, not 1"],
    [
      "several other versions",
      ask("sklearn:3"),
      runtime("r", [one, format("sklearn", "0"), format("sklearn", "2")]),
      "supports sklearn only in versions 1, 0 and 2, not 3",
    ],
    ["more of a version", ask("sklearn:1.4"), runtime("r", [one]), "supports sklearn only in version 1, not 1.4 (write the version as 1)"],
    ["less of a version", ask("sklearn:1"), runtime("r", [format("sklearn", "1.4")]), "supports sklearn only in version 1.4, not 1"],
    [
      "a wildcard",
      ask("sklearn:*"),
      runtime("r", [one]),
      "supports sklearn only in version 1, not * (leave the version out to accept any)",
    ],
    ["a wildcard of the runtime", ask("sklearn:1"), runtime("r", [format("sklearn", "*")]), "supports sklearn only in version *, not 1"],
    [
      "no version",
      ask("sklearn:1"),
      runtime("r", [format("sklearn")]),
      "names no version of sklearn, and version 1 was asked for (leave the version out)",
    ],
    [
      "the default protocol",
      ask("sklearn"),
      runtime("r", [one], { protocolVersions: ["grpc-v2", "v2"] }),
      "supports only grpc-v2 and v2, and v1 was asked for (the default; set protocolVersion: v2)",
    ],
    [
      "a protocol that was asked for",
      ask("sklearn", { protocolVersion: "grpc-v1" }),
      runtime("r", [one]),
      "supports only v1 and v2, and grpc-v1 was asked for (set protocolVersion: v1)",
    ],
    [
      "no autoSelect",
      ask("sklearn"),
      runtime("r", [format("sklearn", "1", 3, false)]),
      "has autoSelect off for sklearn (set runtime: r to use it)",
    ],
    [
      "no autoSelect for that version",
      ask("sklearn:2"),
      runtime("r", [one, format("sklearn", "2", 3, false)]),
      "has autoSelect off for sklearn version 2 (set runtime: r to use it)",
    ],
    ["disabled", ask("sklearn"), runtime("r", [one], { disabled: true }), "is disabled"],
    [
      "ModelMesh",
      ask("sklearn"),
      runtime("r", [one], { multiModel: true }),
      "is for several models at once, multiModel: true (set runtime: r to use it)",
    ],
    ["workers", ask("sklearn"), runtime("r", [one], { multiNode: true }), "needs a predictor with a workerSpec"],
    ["no workers", ask("sklearn", {}, true), runtime("r", [one]), "has no workerSpec, and the predictor has one"],
    [
      "several things",
      ask("sklearn:2"),
      runtime("r", [format("sklearn", "1", 3, false)], { disabled: true, multiModel: true }),
      "is disabled; supports sklearn only in version 1, not 2; has autoSelect off for sklearn version 2 (set runtime: r to use it); is for several models at once, multiModel: true (set runtime: r to use it)",
    ],
  ])("%s", (_name, question, only, expected) => {
    const choice = selectRuntime(question, [only]);
    expect(choice.candidates).toEqual([{ name: "r", scope: "cluster", chosen: false, reason: expected }]);
    expect(choice.failure?.message).toContain(`\n- r: ${expected}`);
    expect(choice.failure?.reason).toBe("NoSupportingRuntime");
  });

  it("is the only one that fits", () => {
    expect(reasons(selectRuntime(ask("sklearn"), [runtime("r", [one])]))).toEqual({ r: "is the only one that fits" });
  });

  it("puts what nearly fits first and says all of it, each on a line", () => {
    const runtimes = [
      runtime("a", [format("xgboost")]),
      runtime("b", [one], { disabled: true, multiModel: true }),
      runtime("c", [one], { protocolVersions: ["v2"], namespace: "default" }),
    ];
    expect(selectRuntime(ask("sklearn"), runtimes).failure?.message).toBe(
      [
        "No runtime found to support specified framework/version: sklearn over v1 (the default).",
        "- c: supports only v2, and v1 was asked for (the default; set protocolVersion: v2)",
        "- b: is disabled; is for several models at once, multiModel: true (set runtime: b to use it)",
        "- a: does not support format 'sklearn' (it has xgboost)",
      ].join("\n"),
    );
  });

  it("names the formats that exist when nobody has the one that was asked for", () => {
    const runtimes = [runtime("a", [one, format("onnx")]), runtime("b", [format("pmml")], { disabled: true })];
    expect(selectRuntime(ask("sklern:1", { protocolVersion: "v2" }), runtimes).failure?.message.split("\n")[0]).toBe(
      "No runtime found to support specified framework/version: sklern version 1 over v2. Did you mean sklearn? The runtimes here support onnx, sklearn.",
    );
    expect(selectRuntime(ask("a"), runtimes.slice(1)).failure?.message).toContain("None of the runtimes here can be selected.");
  });
});

describe("a runtime that the model names", () => {
  const here = { namespace: "default" };
  const sklearn = [format("sklearn", "1", 1, false)];
  const named = (name: string, protocolVersion?: "v1" | "v2") =>
    ask("sklearn", { runtime: name, ...(protocolVersion === undefined ? {} : { protocolVersion }) });

  it("is looked up in the namespace, then in the cluster", () => {
    const [own, clusters] = [runtime("a", sklearn, here), runtime("a", sklearn)];
    const choice = selectRuntime(named("a"), [clusters, own]);
    expect(choice.runtime).toBe(own);
    expect(choice.candidates).toEqual([
      { name: "a", scope: "namespace", chosen: true, reason: "is the one that the model names" },
      { name: "a", scope: "cluster", chosen: false, reason: "is hidden by the runtime of the same name in the namespace" },
    ]);
    expect(selectRuntime(named("a"), [clusters, runtime("a", sklearn, { namespace: "other" })]).runtime).toBe(clusters);
  });

  it("needs neither autoSelect nor the default protocol, and gives the model its lowest protocol", () => {
    const other = runtime("b", [format("sklearn", "1", 9)], here);
    const choice = selectRuntime(named("a"), [other, runtime("a", sklearn, { protocolVersions: ["grpc-v2", "v2"] })]);
    expect(choice.protocolVersion).toBe("v2");
    expect(reasons(choice)).toEqual({ a: "is the one that the model names", b: "fits too, and the model names a" });
  });

  it("may be for ModelMesh or have workers, as KServe's controller does not look", () => {
    const odd = runtime("a", sklearn, { multiModel: true, multiNode: true });
    expect(selectRuntime(named("a"), [odd]).runtime).toBe(odd);
  });

  it("does not exist", () => {
    const runtimes = [
      runtime("sklearnserver", sklearn),
      runtime("x", [format("xgboost")]),
      runtime("own", sklearn, { namespace: "other" }),
    ];
    expect(selectRuntime(named("sklearn-server"), runtimes).failure).toEqual({
      reason: "RuntimeNotRecognized",
      message:
        "Waiting for runtime to become available: there is no ServingRuntime 'sklearn-server' in namespace 'default' and no ClusterServingRuntime of that name. Did you mean sklearnserver? Runtimes that fit this model: sklearnserver.",
    });
    expect(selectRuntime(named("own"), runtimes).failure?.reason).toBe("RuntimeNotRecognized");
    expect(selectRuntime(named(""), []).failure?.message).toMatch(/No other runtime fits this model\.$/);
  });

  it.each<[string, RuntimeQuestion, Partial<ServingRuntime>, string, string]>([
    [
      "disabled, which is said before anything else",
      named("a", "v2"),
      { disabled: true, formats: [], protocolVersions: ["v1"] },
      "RuntimeDisabled",
      "Specified runtime is disabled: remove disabled: true from 'a', or name another runtime. Runtimes that fit this model: b.",
    ],
    [
      "protocol, which is said before the format",
      named("a", "v2"),
      { formats: [], protocolVersions: ["v1"] },
      "NoSupportingRuntime",
      "Specified runtime does not support specified protocol version: 'a' supports only v1, and v2 was asked for (set protocolVersion: v1). Runtimes that fit this model: b.",
    ],
    [
      "format",
      named("a"),
      { formats: [format("onnx")] },
      "NoSupportingRuntime",
      "Specified runtime does not support specified framework/version: 'a' does not support format 'sklearn' (it has onnx). Runtimes that fit this model: b.",
    ],
    [
      "version",
      ask("sklearn:1", { runtime: "a" }),
      { formats: [format("sklearn", "0")] },
      "NoSupportingRuntime",
      "Specified runtime does not support specified framework/version: 'a' supports sklearn only in version 0, not 1. Runtimes that fit this model: b.",
    ],
  ])("cannot serve it: %s", (_name, question, more, reason, message) => {
    const runtimes = [runtime("b", sklearn), runtime("a", sklearn, more), runtime("a", sklearn, { namespace: "other" })];
    const choice = selectRuntime(question, runtimes);
    expect(choice.failure).toEqual({ reason, message });
    expect(choice.runtime).toBeUndefined();
    expect(choice.candidates.map(({ name, chosen }) => [name, chosen])).toEqual([
      ["a", false],
      ["b", false],
    ]);
  });

  it("is not replaced by the cluster's when the namespace's of that name cannot serve it", () => {
    const choice = selectRuntime(named("a"), [runtime("a", sklearn), runtime("a", sklearn, { ...here, disabled: true })]);
    expect(choice.failure?.message).toBe(
      "Specified runtime is disabled: remove disabled: true from 'a', or name another runtime. No other runtime fits this model.",
    );
  });
});
