import type { Clock } from "../../../core/clock.ts";
import type { RequestContext } from "../../../core/context.ts";
import { ServeError } from "../../../core/errors.ts";
import type { GrpcMessage, GrpcMethod } from "../../../core/grpc.ts";
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthListRequestSchema,
  HealthListResponseSchema,
  readMessage,
  HealthCheckResponse_ServingStatus as Status,
  writeMessage,
} from "../../../grpc-messages/index.ts";
import { typedMethod } from "./typed-method.ts";

export interface HealthOptions {
  readonly ready: () => boolean;
  readonly clock: Clock;
  /** Full names of the services; the empty one is the server as a whole. */
  readonly services: readonly string[];
}

const SERVICE = "/grpc.health.v1.Health";
/** Milliseconds between looks at what a client watches. */
const LOOK_MS = 500;

/** gRPC's health checks: every service of the server is as ready as the server. */
export function createHealthMethods({ ready, clock, services }: HealthOptions): GrpcMethod[] {
  const names = ["", ...services];
  const statusOf = (service: string): Status => {
    if (!names.includes(service)) return Status.SERVICE_UNKNOWN;
    return ready() ? Status.SERVING : Status.NOT_SERVING;
  };
  return [
    typedMethod({
      path: `${SERVICE}/Check`,
      access: "public",
      request: HealthCheckRequestSchema,
      response: HealthCheckResponseSchema,
      handle({ service }) {
        const status = statusOf(service);
        if (status !== Status.SERVICE_UNKNOWN) return { status };
        throw new ServeError("NOT_FOUND", `unknown service '${service.slice(0, 200)}'; there are ${services.join(", ")}`);
      },
    }),
    typedMethod({
      path: `${SERVICE}/List`,
      access: "public",
      request: HealthListRequestSchema,
      response: HealthListResponseSchema,
      handle: () => ({ statuses: Object.fromEntries(names.map((name) => [name, { status: statusOf(name) }])) }),
    }),
    {
      path: `${SERVICE}/Watch`,
      access: "public",
      openEnded: true,
      read(bytes, { context }) {
        const { service } = readMessage(HealthCheckRequestSchema, bytes);
        return { answer: () => watch(() => statusOf(service), clock, context) };
      },
    },
  ];
}

/** The status now, and again whenever it is another. */
async function* watch(look: () => Status, clock: Clock, context: RequestContext): AsyncGenerator<GrpcMessage> {
  let last: Status | undefined;
  while (context.aborted === undefined) {
    const status = look();
    if (status !== last) yield [writeMessage(HealthCheckResponseSchema, { status })];
    last = status;
    await new Promise<void>((resolve) => {
      const stop = clock.after(LOOK_MS, resolve);
      context.onAbort(() => {
        stop();
        resolve();
      });
    });
  }
}
