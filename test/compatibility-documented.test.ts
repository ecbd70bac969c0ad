import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { describeRoutes } from "../src/routes.ts";
import { routeTable } from "./route-table.ts";
import { listedServerErrors } from "./server-errors.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs/compatibility.md"), "utf8");
const rows = [...page.matchAll(/^\| `([A-Z ]+) (\/[^`]*)` *\| (\w+) *\| ([^|]+)\| ([^|]+)\| ([^|]+)\| `([^`]+)` *\|$/gm)].map(
  ([, methods = "", path = "", scope = "", , , , test = ""]) => ({ methods: methods.split(" "), path, scope, test }),
);

/** `/a[/b]/c` is `/a/b/c` and `/a/c`. */
function expanded(path: string): string[] {
  const [whole, inside = ""] = /\[([^\]]+)\]/.exec(path) ?? [];
  return whole === undefined ? [path] : [path.replace(whole, inside), path.replace(whole, "")].flatMap(expanded);
}

describe("docs/compatibility.md", () => {
  it("has every route with its scope, and no other", () => {
    const written = rows.flatMap(({ methods, path, scope }) =>
      methods.flatMap((method) => expanded(path).map((each) => `${method} ${each} ${scope}`)),
    );
    const served = routeTable().flatMap(({ method, path, access, refuses }) => (refuses === true ? [] : [`${method} ${path} ${access}`]));
    expect(written.sort()).toEqual(served.sort());
  });

  it("names tests that are there", () => {
    expect([...new Set(rows.map(({ test }) => test))].filter((test) => !existsSync(join(root, test)))).toEqual([]);
  });

  it("lists statuses of 500 and more with routes that there are", () => {
    const served = routeTable().map(({ method, path }) => `${method} ${path}`);
    const listed = listedServerErrors();
    expect(listed.length).toBeGreaterThan(3);
    for (const { status, route } of listed) {
      expect(status).toBeGreaterThanOrEqual(500);
      expect(served.filter((each) => new RegExp(route).test(each))).not.toEqual([]);
    }
  });
});

describe("the OpenAPI document", () => {
  it("describes every route, in JSON Schema that is valid, and refers to nothing that it does not have", async () => {
    const document = await describeRoutes(routeTable(), "0");
    const { schemas } = document.components;
    const used = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name = ""]) => name);
    expect([...new Set(used)].filter((name) => schemas[name] === undefined)).toEqual([]);
    const ajv = new Ajv2020({ strict: false });
    for (const [name, schema] of Object.entries(schemas)) expect([name, ajv.validateSchema(schema)]).toEqual([name, true]);
    const ids = Object.values(document.paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("cannot be made when a route has no description", async () => {
    const [first, ...others] = routeTable();
    await expect(describeRoutes(others, "0")).rejects.toThrow(`${first?.method} ${first?.path}`);
    await expect(describeRoutes([...routeTable(), { ...routeTable()[0], path: "/new" } as never], "0")).rejects.toThrow("GET /new");
  });
});
