import { describe, expect, it } from "vitest";
import { assignedPorts, assignPorts } from "./assigned-ports.ts";
import { describePorts } from "./describe-ports.ts";

const ports = [
  { name: "http1", number: 8080 },
  { name: "h2c", number: 9000 },
  { name: undefined, number: 8080 },
];

describe("assigned ports", () => {
  const assigned = assignedPorts(ports, [40001, 40002]);

  it.each([
    ["--port=8080", "--port=40001"],
    ["8080", "40001"],
    ["0.0.0.0:8080", "0.0.0.0:40001"],
    ["http://localhost:8080/v1", "http://localhost:40001/v1"],
    ["8080,9000", "40001,40002"],
    ["iris-8080", "iris-8080"],
    ["18080", "18080"],
    ["8080.5", "8080.5"],
    ["v8080", "v8080"],
    ["8080ms", "8080ms"],
    ["ends in 8080.", "ends in 40001."],
  ])("stand in %s as in %s", (text, expected) => {
    expect(assigned.replace(text)).toBe(expected);
  });

  it("are told by variables", () => {
    expect(assigned.environment).toEqual({ PORT: "40001", HTTP1_PORT: "40001", H2C_PORT: "40002" });
    expect([assigned.portOf(8080), assigned.portOf(9000), assigned.portOf(1)]).toEqual([40001, 40002, 1]);
  });

  it("are different free ones", async () => {
    const { portOf } = await assignPorts({ ports });
    expect(portOf(8080)).not.toBe(portOf(9000));
    expect(portOf(8080)).toBeGreaterThan(1023);
  });

  it("may be none", () => {
    const none = assignedPorts([], []);
    expect([none.replace("8080"), none.environment]).toEqual(["8080", {}]);
  });
});

describe("a port that does not answer", () => {
  const own = assignedPorts([], []);
  const assigned = assignedPorts(ports, [40001, 40002]);

  it.each([
    [[9999], own, "it listens on 9999, and its spec says 8080"],
    [[9000, 9999], own, "it listens on 9999, and its spec says 8080"],
    [[9000], own, "it listens on 9000, and not on 8080"],
    [[], own, "it listens on no port yet"],
    [[9999], assigned, "it listens on 9999, and its spec says 8080, for which it was given 40001"],
  ])("is told with those that do: %j", (listening, given, expected) => {
    expect(describePorts(8080, listening, { ports }, given)).toBe(expected);
  });
});
