import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unpacked } from "../../../test/torchserve-wire.ts";
import { partsOf } from "./body.ts";
import { readResponse, writeRequest } from "./wire.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe("the body of a request", () => {
  it("is one part, or the fields of a form", async () => {
    const body = Buffer.from("a=1&a=2&b=%C3%BC");
    expect(await partsOf({ headers: { "content-type": "image/PNG; x=y" }, body })).toEqual([
      { name: "body", type: "image/png", data: body },
    ]);
    expect(await partsOf({ headers: {}, body })).toMatchObject([{ name: "body", type: "" }]);
    const form = await partsOf({ headers: { "content-type": "application/x-www-form-urlencoded" }, body });
    expect(form.map(({ name, data }) => [name, text(data)])).toEqual([
      ["a", "1"],
      ["a", "2"],
      ["b", "ü"],
    ]);
    const multipart =
      '--x\r\nContent-Disposition: form-data; name="data"; filename="f"\r\nContent-Type: image/png\r\n\r\n\xff\r\n--x--\r\n';
    const parts = await partsOf({ headers: { "content-type": "multipart/form-data; boundary=x" }, body: Buffer.from(multipart, "latin1") });
    expect(parts).toEqual([{ name: "data", type: "image/png", data: Uint8Array.of(255) }]);
  });

  it.each([
    ["multipart/form-data; boundary=x", "--y"],
    ["multipart/form-data", "--x"],
    ["multipart/form-data; boundary=x", '--x\r\nContent-Disposition: form-data; name="data"\r\n\r\ncut off'],
    ["application/x-www-form-urlencoded", ""],
  ])("is refused when it is no form: %s", async (type, body) => {
    await expect(partsOf({ headers: { "content-type": type }, body: Buffer.from(body) })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  it("has so many fields and no more", async () => {
    const body = Buffer.from(Array.from({ length: 1001 }, (_, index) => `f${index}=`).join("&"));
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    await expect(partsOf({ headers, body })).rejects.toThrow("more than 1000 fields");
  });
});

describe("the wire between routes and handlers", () => {
  it("carries whatever parts there are", () => {
    const part = fc.record({ name: fc.string(), type: fc.string(), data: fc.uint8Array() });
    fc.assert(
      fc.property(fc.array(part), fc.dictionary(fc.string(), fc.string()), (parts, headers) => {
        const carried = unpacked(writeRequest(headers, parts));
        expect(carried.parts).toEqual(parts.map(({ name, type, data }) => ({ name, type, data: Buffer.from(data).toString("latin1") })));
      }),
    );
  });

  it("keeps what is for this server from handlers", () => {
    const headers = { authorization: "Bearer x", "x-api-key": "y", cookie: "z", "x-own": "1", accept: ["a", "b"], host: undefined };
    expect(unpacked(writeRequest(headers, [])).headers).toEqual({ "x-own": "1", accept: "a,b" });
  });

  it("is not what other hosts answer", () => {
    expect(() => readResponse({ kind: "json", value: 1 })).toThrow("no response");
  });
});
