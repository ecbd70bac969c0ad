import type { UpstreamProtocol } from "../../core/upstream.ts";
import type { UpstreamClient, UpstreamClientOptions } from "./client.ts";
import { createGrpcClient } from "./grpc/index.ts";
import { createOpenAiClient } from "./openai-client.ts";
import { createV1Client } from "./v1-client.ts";
import { createV2Client } from "./v2-client.ts";

const CLIENTS: Readonly<Record<UpstreamProtocol, (options: UpstreamClientOptions) => UpstreamClient>> = {
  v1: createV1Client,
  v2: createV2Client,
  "grpc-v2": createGrpcClient,
  openai: createOpenAiClient,
};

export function createClient(protocol: UpstreamProtocol, options: UpstreamClientOptions): UpstreamClient {
  return CLIENTS[protocol](options);
}
