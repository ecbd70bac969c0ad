import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServeError } from "../../core/errors.ts";
import { nextTurn } from "../../core/turns.ts";
import { findFields } from "./object-fields.ts";

const NAMES = ["model", "stream"];

/** The text of each field that is found. */
async function find(text: string): Promise<Record<string, string>> {
  const bytes = Buffer.from(text);
  const found = await findFields(bytes, NAMES);
  return Object.fromEntries([...found].map(([name, { from, to }]) => [name, bytes.toString("utf8", from, to)]));
}

describe("fields of an object", () => {
  it.each([
    ['{"model":"m"}', { model: '"m"' }],
    [
      ' {\n"messages" : [{"model":"other","stream":[true]}],"stream" :true , "model": "a\\"b\\\\"}\n',
      { model: '"a\\"b\\\\"', stream: "true" },
    ],
    ['{"\\u006dodel":"m","stream":null}', { model: '"m"', stream: "null" }],
    ['{"model":{"a":["}"]},"stream":-1.5e+3}', { model: '{"a":["}"]}', stream: "-1.5e+3" }],
    ['{"models":"m","mode":1,"":2}', {}],
    ["{}", {}],
  ])("%s", async (text, expected) => {
    expect(await find(text)).toEqual(expected);
  });

  it.each([
    ["", "the body is empty"],
    ["[]", "expected an object"],
    ['"model"', "expected an object"],
    ['{"model":"m"', "has no end"],
    ['{"model":"m\\"}', "a text has no end"],
    ['{"model":"m"} {}', "nothing behind the object"],
    ['{"model":"m","model":"n"}', "model: the body has it twice"],
    ['{"model":"m","mode\\u006c":"n"}', "model: the body has it twice"],
    ['{"model" "m"}', "expected colon"],
    ["{model:1}", "expected name or end"],
    ['{"model":"m",}', "expected name"],
    ['{"model":,}', "expected value"],
    ['{"model":"m" "stream":true}', "expected comma or end"],
    ["\0{\0}\0", "expected an object"],
  ])("refuses %j", async (text, message) => {
    await expect(find(text)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
  });

  it("are those that JSON.parse finds, whatever else is in it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.oneof(fc.constantFrom(...NAMES), fc.string()), fc.jsonValue()),
        fc.nat(3),
        async (object, indent) => {
          const text = JSON.stringify(object, undefined, indent);
          const expected = JSON.parse(text) as Record<string, unknown>;
          const found = await find(text);
          for (const name of NAMES) {
            const has = Object.hasOwn(expected, name);
            expect(has ? JSON.parse(found[name] as string) : found[name]).toEqual(has ? expected[name] : undefined);
          }
        },
      ),
    );
  });

  it("throw nothing but a ServeError for any text", async () => {
    const pieces = fc.array(fc.constantFrom("{", "}", "[", "]", '"', "\\", ":", ",", "model", "1", " ", "\\u00"), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(pieces, async (parts) => {
        await find(`{${parts.join("")}`).catch((error: unknown) => expect(error).toBeInstanceOf(ServeError));
      }),
    );
  });

  it("are found in turns of the event loop, so that others are answered meanwhile", async () => {
    // Tokens as numbers, texts full of quotes, and an image.
    const tokens = `[${"12345,".repeat(300_000)}1]`;
    const text = JSON.stringify('a "quote"\n'.repeat(100_000));
    const body = `{"input":${tokens},"text":${text},"image":"${"A".repeat(5_000_000)}","model":"m"}`;
    let turns = 0;
    let isDone = false;
    const counting = (async () => {
      for (; !isDone; turns++) await nextTurn();
    })();
    expect(await find(body)).toEqual({ model: '"m"' });
    isDone = true;
    await counting;
    expect(turns).toBeGreaterThan(5);
  });
});
