import { expect, it } from "vitest";
import type { JsonObject } from "../../core/inference.ts";
import { managementEndpoint } from "./management-endpoint.ts";

it.each<[JsonObject, number | undefined]>([
  [{}, undefined],
  [{ grpcMultiModelManagementEndpoint: "port:8081" }, 8081],
  [{ grpcMultiModelManagementEndpoint: "unix:/tmp/s.sock" }, undefined],
  [{ builtInAdapter: { serverType: "triton", runtimeManagementPort: 8001 } }, 8001],
  [{ builtInAdapter: { serverType: "mlserver" } }, undefined],
  // OpenVINO's management is its own.
  [{ builtInAdapter: { serverType: "ovms", runtimeManagementPort: 8888 } }, undefined],
  [{ grpcMultiModelManagementEndpoint: "port:1", builtInAdapter: { serverType: "triton", runtimeManagementPort: 2 } }, 1],
])("of %j is port %s", (spec, port) => {
  expect(managementEndpoint(spec)).toEqual(port === undefined ? undefined : { protocol: "grpc-v2", port });
});
