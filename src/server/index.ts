export { BodyMemory } from "./body-memory.ts";
export { createGrpcServer, type GrpcServer, PortInUse } from "./grpc/grpc-server.ts";
export type { GrpcServerOptions } from "./grpc/options.ts";
export { createHttpServer, type HttpServer, type HttpServerOptions } from "./http-server.ts";
