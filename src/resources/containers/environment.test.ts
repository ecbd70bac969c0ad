import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../core/inference.ts";
import { readEnvironment } from "./environment.ts";

const SERVICE = { name: "iris", namespace: "flowers", labels: { team: "a" }, annotations: {} };
const NAME = { name: "INFERENCE_SERVICE_NAME", value: "iris" };

function read(container: JsonObject): ReturnType<typeof readEnvironment> {
  return readEnvironment(container, SERVICE);
}

describe("readEnvironment", () => {
  it("fills in references to what comes before, and leaves those to secrets for the start", () => {
    const { variables, expand } = read({
      env: [
        { name: "LATE", value: "$(HOST)" },
        { name: "HOST", value: "db" },
        { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "database", key: "password", optional: true } } },
        { name: "URL", value: "pg://$(PASSWORD)@$(HOST)/$$(HOST)" },
        { name: "EMPTY" },
      ],
    });
    expect(variables).toEqual([
      { name: "LATE", value: "$(HOST)" },
      { name: "HOST", value: "db" },
      { name: "PASSWORD", from: { kind: "secret", namespace: "flowers", object: "database", key: "password" }, optional: true },
      { name: "URL", value: "pg://$(PASSWORD)@db/$(HOST)" },
      { name: "EMPTY", value: "" },
      NAME,
    ]);
    expect(expand("--name=$(INFERENCE_SERVICE_NAME) $(PASSWORD) $(NONE)")).toBe("--name=iris $(PASSWORD) $(NONE)");
  });

  it("names whole objects, which count less than single variables", () => {
    const { variables } = read({
      env: [
        { name: "A", valueFrom: { configMapKeyRef: { name: "words", key: "a" } } },
        { name: "INFERENCE_SERVICE_NAME", value: "own" },
      ],
      envFrom: [{ prefix: "W_", configMapRef: { name: "words" } }, { secretRef: { name: "keys", optional: true } }],
    });
    expect(variables).toEqual([
      { prefix: "W_", allOf: { kind: "configMap", namespace: "flowers", object: "words" }, optional: false },
      { prefix: "", allOf: { kind: "secret", namespace: "flowers", object: "keys" }, optional: true },
      { name: "A", from: { kind: "configMap", namespace: "flowers", object: "words", key: "a" }, optional: false },
      { name: "INFERENCE_SERVICE_NAME", value: "own" },
    ]);
  });

  it("knows fields of the pod and of its resources", () => {
    const from = (valueFrom: JsonObject): unknown =>
      read({ env: [{ name: "X", valueFrom }], resources: { limits: { memory: "1.5Gi" }, requests: { cpu: "250m" } } }).variables[0];
    expect(from({ fieldRef: { fieldPath: "metadata.name" } })).toEqual({ name: "X", value: "iris" });
    expect(from({ fieldRef: { fieldPath: "metadata.namespace" } })).toEqual({ name: "X", value: "flowers" });
    expect(from({ fieldRef: { fieldPath: "metadata.labels['team']" } })).toEqual({ name: "X", value: "a" });
    expect(from({ fieldRef: { fieldPath: "status.podIP" } })).toEqual({ name: "X", value: "127.0.0.1" });
    expect(from({ resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } })).toEqual({ name: "X", value: "1536" });
    expect(from({ resourceFieldRef: { resource: "requests.cpu" } })).toEqual({ name: "X", value: "1" });
    expect(from({ resourceFieldRef: { resource: "requests.cpu", divisor: "1m" } })).toEqual({ name: "X", value: "250" });
    expect(from({ resourceFieldRef: { resource: "limits.cpu" } })).toEqual({ name: "X", value: String(availableParallelism()) });
  });

  it.each([
    [{ env: [{ name: "X", valueFrom: { fieldRef: { fieldPath: "spec.other" } } }] }, /variable X takes its value from spec\.other/],
    [{ env: [{ name: "X", valueFrom: { fileKeyRef: { key: "a", path: "b", volumeName: "c" } } }] }, /value from fileKeyRef/],
    [{ env: [{ name: "X", valueFrom: { secretKeyRef: { key: "a" } } }] }, /variable X names no secret/],
    [{ envFrom: [{}] }, /envFrom names no secret and no config map/],
  ])("refuses %j", (container, message) => {
    expect(() => read(container)).toThrow(message);
  });
});
