import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { logSettingsOf } from "../../../core/log-settings.ts";
import { parseRestrictions } from "../../../core/restricted-apis.ts";
import { createTraceSettings } from "../../../core/trace-settings.ts";
import { overrideOf } from "./load-override.ts";
import { changeLogSettings, logSettings } from "./logging.ts";
import { assertAllowed } from "./restricted.ts";
import { changeTraceSettings, traceSettings } from "./trace.ts";

describe("what a load says of a model", () => {
  const read = (config: object | string, ...files: Array<[string, Uint8Array]>): ReturnType<typeof overrideOf> =>
    overrideOf(
      "simple",
      new Map<string, string | Uint8Array>([["config", typeof config === "string" ? config : JSON.stringify(config)], ...files]),
    );

  it("is a ModelConfig as protobuf reads it", () => {
    const batching = read({ max_batch_size: "16", dynamicBatching: { preferredBatchSize: [4, 8], maxQueueDelayMicroseconds: 500 } });
    expect(batching).toMatchObject({
      configuration: { maxBatchSize: 16, dynamicBatching: { preferredBatchSizes: [4, 8], maxQueueDelayMs: 0.5 } },
      files: new Map(),
    });
    expect(read({ version_policy: { specific: { versions: [1, "3"] } }, response_cache: { enable: true } })).toMatchObject({
      configuration: { versionPolicy: { specific: ["1", "3"] }, responseCache: true },
    });
  });

  it.each([
    ['"parameters": {"config": {}}', "Invalid config override: Invalid JSON"],
    ["[]", "Invalid config override: expected an object"],
    [{ max_batch: 1 }, 'ModelConfig has no field "max_batch"; did you mean max_batch_size?'],
    [{ max_batch_size: -1 }, "'max_batch_size' must be non-negative value for simple"],
    [{ max_batch_size: 1.5 }, "max_batch_size: expected a whole number, got 1.5"],
    [{ name: "other" }, "unexpected directory name 'simple' for model 'other'"],
    [{ version_policy: { specific: { versions: ["x"] } } }, 'version_policy.specific.versions[0]: expected a whole number, got "x"'],
  ])("is refused when it is %j", (config, message) => {
    expect(() => read(config)).toThrow(message);
  });

  it("may bring files, below the model's folder and with a configuration", () => {
    const file = new Uint8Array(1);
    expect([...(read({}, ["file:1/model.onnx", file])?.files ?? [])]).toEqual([["1/model.onnx", file]]);
    expect(() => read({}, ["file:1", file], ["file:1/model.onnx", file])).toThrow(
      "'file:1' is a file, and 'file:1/model.onnx' would lie in it",
    );
    expect([...(read({}, ["file:/1/model.onnx", file])?.files ?? [])]).toEqual([["1/model.onnx", file]]);
    expect(() => read({}, ["file:1/model.onnx", file], ["file:/1/model.onnx", file])).toThrow("'file:1/model.onnx' is there twice");
    expect(() => overrideOf("simple", new Map([["file:1/model.onnx", file]]))).toThrow(
      "Load parameter 'config' must be specified for model file override",
    );
    for (const path of [
      "../model.onnx",
      "/../model.onnx",
      "//etc/passwd",
      "1//model.onnx",
      "1/../../x",
      "",
      "/",
      "1/",
      ".hidden",
      "1/..",
      "a\0b",
      "A".repeat(256),
    ])
      expect(() => read({}, [`file:${path}`, file])).toThrow("names no file below the model's folder");
    const load = new Map<string, string | Uint8Array>([["config", "{}"]]);
    const codeOf = (name: string): unknown => {
      try {
        return overrideOf("simple", new Map([...load, [`file:1/${name}`, file]]), "INTERNAL");
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    expect(["A".repeat(256), ".hidden"].map(codeOf)).toEqual(["INTERNAL", "INVALID_ARGUMENT"]);
    expect(() => overrideOf("simple", new Map([["configs", "{}"]]))).toThrow("Unrecognized load parameter 'configs'");
  });
});

describe("logging", () => {
  it("changes what is named, all of it or nothing", () => {
    const settings = logSettingsOf("info");
    expect(
      changeLogSettings(settings, { log_info: false, log_verbose_level: 2, log_format: "ISO8601", log_error: null }, undefined),
    ).toEqual({
      log_file: "",
      log_info: false,
      log_warning: true,
      log_error: true,
      log_verbose_level: 2,
      log_format: "ISO8601",
    });
    expect(() => changeLogSettings(settings, { log_warning: false, log_error: "no" }, undefined)).toThrow(
      "log_error: expected true or false",
    );
    expect(() => changeLogSettings(settings, { log_colour: true }, undefined)).toThrow("unknown log setting 'log_colour'");
    expect(() => changeLogSettings(settings, { log_format: "XML" }, undefined)).toThrow("invalid argument for --log_format, got: XML");
    expect(logSettings(settings).log_warning).toBe(true);
  });

  it("writes files only in the folder that the operator gave", () => {
    const settings = logSettingsOf("info");
    expect(() => changeLogSettings(settings, { log_file: "a.log" }, undefined)).toThrow(
      "log file location can not be updated through network protocol",
    );
    expect(changeLogSettings(settings, { log_file: "a.log" }, "/logs").log_file).toBe("/logs/a.log");
    expect(changeLogSettings(settings, { log_file: "/logs/b.log" }, "/logs").log_file).toBe("/logs/b.log");
    for (const path of ["../a.log", "/etc/a.log", "/logs", "/logs/../etc/a", "sub/a.log", "..", ".a", "a\nb", "/logs-too/a"])
      expect(() => changeLogSettings(settings, { log_file: path }, "/logs")).toThrow("expected the name of a file in the directory");
    expect(changeLogSettings(settings, { log_file: "" }, "/logs").log_file).toBe("");
    const folder = mkdtempSync(join(tmpdir(), "nitrous-logs-"));
    symlinkSync("/etc/hostname", join(folder, "link"));
    expect(() => changeLogSettings(settings, { log_file: "link" }, folder)).toThrow("links are not followed");
    rmSync(folder, { recursive: true });
  });
});

describe("trace settings", () => {
  it("are those of all unless a model has its own, and null takes them back", () => {
    const settings = createTraceSettings("/traces.json");
    expect(changeTraceSettings(settings, { trace_level: ["TIMESTAMPS"], trace_rate: "1" })).toEqual({
      trace_level: ["TIMESTAMPS"],
      trace_rate: "1",
      trace_count: "-1",
      log_frequency: "0",
      trace_file: "/traces.json",
      trace_mode: "triton",
    });
    expect(changeTraceSettings(settings, { trace_rate: "5", trace_level: "OFF" }, "default/simple")).toMatchObject({
      trace_rate: "5",
      trace_level: ["OFF"],
    });
    expect(traceSettings(settings).trace_rate).toBe("1");
    expect(changeTraceSettings(settings, { trace_rate: null, trace_level: null }, "default/simple")).toMatchObject({
      trace_rate: "1",
      trace_level: ["TIMESTAMPS"],
    });
    expect(changeTraceSettings(settings, { trace_rate: null }).trace_rate).toBe("1000");
  });

  it.each([
    [{ trace_file: "/etc/passwd" }, "trace file location can not be updated through network protocol"],
    [{ trace_level: ["OFF", "TIMESTAMPS"] }, "Expect only one trace level 'OFF' is specified"],
    [{ trace_level: ["TENSORS"] }, "trace level TENSORS is not served"],
    [{ trace_rate: "x" }, "Unable to parse 'trace_rate', got: x"],
    [{ trace_rate: "99999999999" }, "value is out of range [ 0, 4294967295 ]"],
    [{ trace_count: "-2" }, "Unable to parse 'trace_count'. Expecting value >= -1, got:-2"],
    [{ trace_colour: "1" }, "unknown trace setting 'trace_colour'"],
  ])("refuse %j", (wanted, message) => {
    expect(() => changeTraceSettings(createTraceSettings("/t"), wanted)).toThrow(message);
  });

  it("need a file", () => {
    expect(() => changeTraceSettings(createTraceSettings(""), { trace_level: ["TIMESTAMPS"] })).toThrow(
      "start the server with --trace-file",
    );
  });
});

describe("restricted parts of the protocol", () => {
  it("need their header, in Triton's words", () => {
    const restrictions = parseRestrictions("model-repository,logging:X-Admin=secret=1; health:k=v");
    if (typeof restrictions === "string") throw new Error(restrictions);
    const allowed = (value: unknown) => () => assertAllowed(restrictions, "logging", (name) => (name === "x-admin" ? value : undefined));
    expect(allowed("secret=1")).not.toThrow();
    for (const wrong of [undefined, "", "secret", ["secret=1"]]) {
      expect(allowed(wrong)).toThrow("This API is restricted, expecting header 'X-Admin'");
    }
    expect(() => assertAllowed(restrictions, "statistics", () => undefined)).not.toThrow();
  });

  it.each([
    ["models:a=b", "unknown restricted api 'models'"],
    ["health", "expected API,API:HEADER=VALUE"],
    ["health:a=b;health:c=d", "restricted api 'health' can not be specified in multiple config groups"],
  ])("are not %s", (text, message) => {
    expect(parseRestrictions(text)).toContain(message);
  });
});
