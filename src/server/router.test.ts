import { expect, it } from "vitest";
import type { Route } from "../core/http.ts";
import { createRouter } from "./router.ts";

const route = (method: "GET" | "POST", path: string): Route => ({
  method,
  path,
  access: "public",
  handle: () => ({ status: 200, body: path }),
  fail: () => ({ status: 500, body: "" }),
});
const find = createRouter([
  route("GET", "/v1/models/{model}"),
  route("POST", "/v1/models/{model}:predict"),
  route("POST", "/v1/methods/{model}:{method}"),
  route("POST", "/v2/models/{model}/versions/{version}/infer"),
]);

it.each([
  ["GET", "/v1/models/iris", "/v1/models/{model}", { model: "iris" }],
  ["HEAD", "/v1/models/iris", "/v1/models/{model}", { model: "iris" }],
  ["POST", "/v1/models/a.b-c:predict", "/v1/models/{model}:predict", { model: "a.b-c" }],
  ["POST", "/v1/models/caf%C3%A9:predict", "/v1/models/{model}:predict", { model: "café" }],
  ["POST", "/v1/methods/clip:encode_text", "/v1/methods/{model}:{method}", { model: "clip", method: "encode_text" }],
  ["POST", "/v2/models/m/versions/2/infer", "/v2/models/{model}/versions/{version}/infer", { model: "m", version: "2" }],
])("%s %s is %s", (method, path, expected, params) => {
  for (let again = 0; again < 2; again++) {
    const found = find(method, path);
    expect("route" in found && found.route.path).toBe(expected);
    expect("route" in found && found.params).toEqual(params);
  }
});

it.each([
  ["POST", "/v1/models/iris:explain"],
  ["GET", "/v1/models/iris/"],
  ["POST", "/v1/methods/clip"],
  ["POST", "/v1/methods/clip:"],
  ["POST", "/v1/methods/:encode"],
  ["POST", "/v1/methods/a:b:c"],
  ["GET", "/v1/models/"],
  ["GET", "/v1/models/%zz"],
  ["GET", "//v1/models/iris"],
])("%s %s is nothing", (method, path) => {
  expect(find(method, path)).toEqual({ allowed: [] });
});

it("tells the methods of a path that is there", () => {
  expect(find("GET", "/v1/models/iris:predict")).toEqual({ allowed: ["POST"] });
  expect(find("DELETE", "/v1/models/iris")).toEqual({ allowed: ["GET"] });
});

it("finds every route below the prefix too, with the prefix's parameters", () => {
  const findBelow = createRouter([route("POST", "/v1/models/{model}:predict"), route("GET", "/")], "/serving/{namespace}/{service}");
  for (let again = 0; again < 2; again++) {
    const found = findBelow("POST", "/serving/prod/iris/v1/models/iris:predict");
    expect("route" in found && found.params).toEqual({ namespace: "prod", service: "iris", model: "iris" });
    expect("route" in findBelow("GET", "/serving/prod/iris/")).toBe(true);
    expect("route" in findBelow("POST", "/v1/models/iris:predict")).toBe(true);
    expect("route" in findBelow("GET", "/serving/prod/iris")).toBe(false);
    expect("route" in findBelow("GET", "/serving/prod/iris/unknown")).toBe(false);
    expect(findBelow("GET", "/serving/prod/iris/v1/models/iris:predict")).toEqual({ allowed: ["POST"] });
  }
});
