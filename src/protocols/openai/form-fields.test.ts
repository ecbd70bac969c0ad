import { describe, expect, it } from "vitest";
import { boundaryOf, findFormFields } from "./form-fields.ts";

async function find(body: Buffer, boundary: string): Promise<Record<string, string>> {
  const found = await findFormFields(body, boundary, ["model", "stream"]);
  return Object.fromEntries([...found].map(([name, { from, to }]) => [name, body.toString("utf8", from, to)]));
}

async function written(form: FormData): Promise<{ body: Buffer; boundary: string }> {
  const request = new Request("http://localhost", { method: "POST", body: form });
  const boundary = boundaryOf(request.headers.get("content-type") ?? "") ?? "";
  return { body: Buffer.from(await request.arrayBuffer()), boundary };
}

describe("fields of a form", () => {
  it("are found beside a file of many megabytes", async () => {
    const form = new FormData();
    form.set("file", new Blob([Buffer.alloc(9_000_000, "\r\n--")]), "speech.wav");
    form.set("model", "whisper-ü");
    form.set("stream", "true");
    const { body, boundary } = await written(form);
    expect(await find(body, boundary)).toEqual({ model: "whisper-ü", stream: "true" });
  });

  it("are no files", async () => {
    const form = new FormData();
    form.set("model", new Blob(["m"]), "model");
    const { body, boundary } = await written(form);
    expect(await find(body, boundary)).toEqual({});
  });

  it("are named without quotes too, in any case", async () => {
    const body = Buffer.from("--b\r\ncontent-disposition: form-data; name=model\r\n\r\nm\r\n--b--\r\n");
    expect(await find(body, "b")).toEqual({ model: "m" });
  });

  it.each([
    ["", "does not begin with its boundary"],
    ["--b", "the headers of a part have no end"],
    ["--b\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue", "its last part has no end"],
    [`--b${"\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--b".repeat(2)}--`, "model: the form has it twice"],
    [`--b${"\r\nContent-Disposition: form-data; name=a\r\n\r\nm\r\n--b".repeat(101)}--`, "more than 100 parts"],
  ])("refuse %j", async (text, message) => {
    await expect(find(Buffer.from(text), "b")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(message),
    });
  });
});

it.each([
  ["multipart/form-data; boundary=abc", "abc"],
  ['Multipart/Form-Data; charset=utf-8; boundary="a b"', "a b"],
  ["multipart/form-data", undefined],
  ["multipart/mixed; boundary=abc", undefined],
  ["application/json", undefined],
])("the boundary of %s", (type, boundary) => {
  expect(boundaryOf(type)).toBe(boundary);
});
