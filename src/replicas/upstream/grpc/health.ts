import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
  readMessage,
  writeMessage,
} from "../../../grpc-messages/index.ts";
import type { HealthCheck } from "../client.ts";
import { callOnce } from "./call.ts";
import { Channel } from "./channel.ts";

/**
 * gRPC's health check of one service, as a kubelet does it: over a connection of its own.
 * @returns the status as the protocol names it: SERVING, NOT_SERVING, SERVICE_UNKNOWN or UNKNOWN
 * @throws ServeError as the server says, NOT_FOUND for a service that it does not know; UNAVAILABLE
 */
export const checkHealth: HealthCheck = async (connect, port, service, signal) => {
  const channel = new Channel({ connect, port, authority: `127.0.0.1:${port}` });
  try {
    const message = [writeMessage(HealthCheckRequestSchema, { service })];
    const answer = await callOnce(channel, { path: "/grpc.health.v1.Health/Check", message, headers: {}, timeoutMs: undefined, signal });
    const { status } = readMessage(HealthCheckResponseSchema, answer);
    return STATUS_NAMES.get(status) ?? "UNKNOWN";
  } finally {
    channel.close();
  }
};

const STATUS_NAMES = new Map<number, string>(Object.entries(HealthCheckResponse_ServingStatus).map(([name, value]) => [value, name]));
