import { expect, it } from "vitest";
import { requestBytes } from "./request-bytes.ts";

const origin = new URL("http://127.0.0.1:8080");
const request = { method: "POST", path: "/v2/models/iris/infer?x=1", headers: {}, body: "ä" };

it("makes an HTTP request, and replaces the headers of the connection that it was recorded on", () => {
  const headers = { "content-type": "application/json", "content-length": "9", Host: "elsewhere", connection: "close" };
  expect(requestBytes(origin, { ...request, headers }).toString()).toBe(
    "POST /v2/models/iris/infer?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\ncontent-type: application/json\r\nContent-Length: 2\r\n\r\nä",
  );
  expect(requestBytes(origin, { method: "GET", path: "/", headers: {}, body: "" }).toString()).toBe(
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n",
  );
});

it.each([
  { ...request, path: "/ HTTP/1.1\r\nX: y" },
  { ...request, method: "GET /" },
  { ...request, headers: { "x-y": "1\r\nz: 2" } },
  { ...request, headers: { "x y": "1" } },
])("refuses what would be more than one request: %j", (wrong) => {
  expect(() => requestBytes(origin, wrong)).toThrow(RangeError);
});
