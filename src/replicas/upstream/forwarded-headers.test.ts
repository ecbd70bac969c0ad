import { describe, expect, it } from "vitest";
import { forwardedHeaders } from "./forwarded-headers.ts";

describe("headers of a request", () => {
  it("go on when they say which request it is, and keys never do", () => {
    const headers = { authorization: "Bearer secret", cookie: "a=b", "x-api-key": "k", "x-request-id": "7" };
    expect(forwardedHeaders({ headers })).toEqual({ "x-request-id": "7", "nitrous-hops": "1" });
  });

  it("count servers, and end a request that goes round in circles", () => {
    let headers: Record<string, string> = {};
    const hop = (): void => {
      headers = forwardedHeaders({ headers });
    };
    for (let hops = 1; hops <= 8; hops++) hop();
    expect(headers).toEqual({ "nitrous-hops": "8" });
    expect(hop).toThrow("the request has gone through 8 servers of nitrous");
  });

  it.each(["x", "-5", "1.5"])("count from the beginning after %s", (given) => {
    expect(forwardedHeaders({ headers: { "nitrous-hops": given } })).toEqual({ "nitrous-hops": "1" });
  });
});
