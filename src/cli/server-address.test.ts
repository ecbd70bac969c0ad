import { describe, expect, it } from "vitest";
import { serverAddress } from "./server-address.ts";

describe("serverAddress", () => {
  it("prefers the option to the variable, and both to this machine's port", () => {
    expect(serverAddress(undefined, {})).toBe("http://127.0.0.1:8080");
    expect(serverAddress(undefined, { NITROUS_SERVER: "" })).toBe("http://127.0.0.1:8080");
    expect(serverAddress(undefined, { NITROUS_SERVER: "https://models.example/base/" })).toBe("https://models.example/base");
    expect(serverAddress("localhost:9000", { NITROUS_SERVER: "http://other" })).toBe("http://localhost:9000");
  });

  it("says what is wrong with one that cannot be reached at all", () => {
    expect(() => serverAddress("ftp://x", {})).toThrow("--server ftp://x: expected an address such as http://127.0.0.1:8080");
    expect(() => serverAddress(undefined, { NITROUS_SERVER: "http://" })).toThrow("NITROUS_SERVER http://: expected an address");
  });
});
