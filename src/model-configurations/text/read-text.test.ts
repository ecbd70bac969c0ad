import { create, equals } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyMessage, printText } from "../../../test/text-format.ts";
import { ServeError } from "../../core/errors.ts";
import { type ModelConfig, ModelConfigSchema } from "../../grpc-messages/index.ts";
import { readText } from "./read-text.ts";

function read(text: string): ModelConfig {
  const config = create(ModelConfigSchema);
  readText({ file: "m/config.pbtxt", text }, reflect(ModelConfigSchema, config));
  return config;
}

function refusalOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ServeError);
    return (error as ServeError).message;
  }
  throw new Error("it was accepted");
}

describe("the text format", () => {
  it("has comments, separators, both kinds of braces, and lists of scalars and messages", () => {
    const config = read(`
      # a model
      name: "m", backend: 'python';max_batch_size:8 # rows
      input [ { name: "a" data_type: TYPE_FP32 dims: [ -1, 0x10, 010 ] }, < name: "b"; dims: 1 dims: [2] dims: [] > ]
      output: [ ]
      dynamic_batching <>
      instance_group: { gpus: [0], gpus: 1 }
    `);
    expect(config).toMatchObject({ name: "m", backend: "python", maxBatchSize: 8, schedulingChoice: { case: "dynamicBatching" } });
    expect(config.input.map(({ name, dims }) => [name, dims])).toEqual([
      ["a", [-1n, 16n, 8n]],
      ["b", [1n, 2n]],
    ]);
    expect(config.instanceGroup[0]?.gpus).toEqual([0, 1]);
  });

  it("has maps as messages of key and value, of which the last one with a key counts", () => {
    const config = read(`
      parameters { key: "a" value: { string_value: "1" } }
      parameters: [ { key: "b" value { string_value: "2" } }, { key: "a" } ]
      metric_tags { value: "no key" }
      dynamic_batching { priority_queue_policy { key: 2 value: { timeout_action: DELAY } } }
    `);
    expect(Object.entries(config.parameters).map(([name, { stringValue }]) => [name, stringValue])).toEqual([
      ["a", ""],
      ["b", "2"],
    ]);
    expect(config.metricTags).toEqual({ "": "no key" });
  });

  it.each([
    [`"a" 'b'  "c"`, "abc"],
    [String.raw`"\a\b\f\n\r\t\v\?\\\'\""`, "\x07\b\f\n\r\t\v?\\'\""],
    [String.raw`"\101\7\x41\xe4\xb8\xad\u4e2d\U0001F600\ud83d\ude00"`, "A\x07A中中😀😀"],
    [`"it's" ' a "text"'`, `it's a "text"`],
    ['"中 # no comment"', "中 # no comment"],
  ])("has texts such as %s", (literal, text) => {
    expect(read(`name: ${literal}`).name).toBe(text);
  });

  it.each([
    ["1", 1],
    ["1.5f", 1.5],
    ["10f", 10],
    [".5", 0.5],
    ["-1e-3", Math.fround(-1e-3)],
    ["- 2", -2],
    ["inf", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["nan", Number.NaN],
  ])("has numbers such as %s", (text, value) => {
    const config = read(`sequence_batching { direct { minimum_slot_utilization: ${text} } }`);
    expect(config.schedulingChoice.value).toMatchObject({ strategyChoice: { value: { minimumSlotUtilization: value } } });
  });

  it.each([
    ["true", true],
    ["t", true],
    ["True", true],
    ["1", true],
    ["False", false],
    ["0x0", false],
  ])("has %s as %s", (text, value) => {
    expect(read(`response_cache { enable: ${text} }`).responseCache?.enable).toBe(value);
  });

  it("has enumerations by name and by number", () => {
    expect(read("input { data_type: 11 }").input[0]?.dataType).toBe(read("input { data_type: TYPE_FP32 }").input[0]?.dataType);
  });

  it.each([
    ['nam: "x"', 'm/config.pbtxt:1:1: ModelConfig has no field "nam"; did you mean name?'],
    ['name: "x"\ninput {\n  data_tipe: TYPE_FP32 }', 'm/config.pbtxt:3:3: ModelInput has no field "data_tipe"; did you mean data_type?'],
    [
      "input { data_type: TYPE_FP322 }",
      /^m\/config\.pbtxt:1:20: found TYPE_FP322, expected one of TYPE_INVALID, .* did you mean TYPE_FP32\?$/,
    ],
    ["input { data_type: 99 }", /^m\/config\.pbtxt:1:20: found 99, expected one of TYPE_INVALID/],
    ['name: "a" name: "b"', "m/config.pbtxt:1:11: name is there a second time, and may be there once"],
    ["optimization {} optimization {}", "m/config.pbtxt:1:17: optimization is there a second time, and may be there once"],
    [
      "dynamic_batching {}\nsequence_batching {}",
      "m/config.pbtxt:2:1: sequence_batching cannot be there beside dynamic_batching: there is one scheduling_choice",
    ],
    ["name: x", "m/config.pbtxt:1:7: found x, expected a text in quotes for name"],
    ['name "x"', 'm/config.pbtxt:1:6: found "x", expected : and a value for name'],
    ["max_batch_size: 1.0", "m/config.pbtxt:1:17: found 1.0, expected a whole number for max_batch_size"],
    ["max_batch_size: 2147483648", /1:17: found 2147483648, expected a whole number from -2147483648 to 2147483647/],
    ["model_warmup { count: -1 }", /1:23: found -1, expected a whole number from 0 to 4294967295 for count/],
    ["max_batch_size: 08", /1:17: found 08; a number that begins with 0 is octal/],
    ["max_batch_size: 8a", "m/config.pbtxt:1:17: found 8a, expected a number with a space or a separator behind it"],
    ["max_batch_size: [8]", "m/config.pbtxt:1:17: found [, expected a whole number for max_batch_size"],
    ["input [ { name: 'x' } { name: 'y' } ]", "m/config.pbtxt:1:23: found {, expected , or ] in the list of input"],
    ["input { name: 'x'", "m/config.pbtxt:1:18: found the end of the file, expected the name of a field of ModelInput or }"],
    ["input { name: 'x' >", "m/config.pbtxt:1:19: found >, expected the name of a field of ModelInput or }"],
    ["input: 3", "m/config.pbtxt:1:8: found 3, expected { and the fields of input"],
    ['name: "x', 'm/config.pbtxt:1:7: a text begins here with " that does not end in its line'],
    ['name: "a\\q"', "m/config.pbtxt:1:9: there is no escape \\q; a backslash itself is \\\\"],
    ['name: "\\xff"', "m/config.pbtxt:1:7: the bytes of name are no UTF-8, expected text"],
    ['name: "\\ud800"', "m/config.pbtxt:1:8: \\ud800 is no character"],
    ["parameters { key: 'a' values {} }", /1:23: an entry of parameters has no field "values"; there are key and value/],
    ["response_cache { enable: 2 }", "m/config.pbtxt:1:26: found 2, expected true or false for enable"],
    ["@", 'm/config.pbtxt:1:1: found "@", which has no meaning outside of texts and comments'],
    ["[ext.name]: 1", "m/config.pbtxt:1:1: found [, expected the name of a field of ModelConfig"],
    [`name: ${"'x' ".repeat(1_100_000)}`, /characters are more than/],
    ["{".repeat(100_000), /1:1: found \{, expected the name of a field/],
  ])("refuses %.60s", (text, message) => {
    if (typeof message === "string") expect(refusalOf(text)).toBe(message);
    else expect(refusalOf(text)).toMatch(message);
  });

  it("reads what is printed of any message as that message", { timeout: 20_000 }, () => {
    fc.assert(
      fc.property(anyMessage(ModelConfigSchema), fc.infiniteStream(fc.nat(5)), (message, styles) => {
        const text = printText(message, () => styles.next().value as number);
        expect(equals(ModelConfigSchema, read(text), message.message as ModelConfig), text).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses or reads anything at all", () => {
    const words = [
      "input",
      "name",
      "dims",
      "parameters",
      "key",
      "value",
      ":",
      "{",
      "}",
      "<",
      ">",
      "[",
      "]",
      ",",
      "-",
      "1",
      '"x"',
      "'",
      "\\",
      "#",
      "\n",
    ];
    const texts = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString()),
      fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join(" ")),
      fc.string({ unit: "binary", maxLength: 100 }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          read(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ServeError);
          expect((error as ServeError).message).toMatch(/^m\/config\.pbtxt:\d+:\d+: /);
        }
      }),
      { numRuns: 500 },
    );
  });
});
