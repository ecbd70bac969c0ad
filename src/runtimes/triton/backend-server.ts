import type { ContainerSpec, Probe } from "../../core/container.ts";
import type { UpstreamSpec } from "../../core/upstream.ts";
import { MODEL_PATH } from "../model-mount.ts";

const PORTS = { http: 8080, grpc: 9000, metrics: 8002 } as const;
const LOOPBACK = "127.0.0.1";
/** Requests of one model at once; the server batches them by itself. */
const CONCURRENCY = 32;

/**
 * A tritonserver for models of repositories: the models of a namespace share one, which loads each of them when it is told to.
 * Triton's options are those of `tritonserver --help`.
 */
export function backendServer(modelName: string): UpstreamSpec {
  return {
    runtime: "tritonserver",
    place: { kind: "container", container: CONTAINER },
    protocols: [
      { protocol: "v2", port: PORTS.http },
      { protocol: "grpc-v2", port: PORTS.grpc },
    ],
    modelName,
    concurrency: CONCURRENCY,
    batchable: false,
    shared: true,
    metrics: { port: PORTS.metrics, path: "/metrics" },
    takesDevice: true,
  };
}

/** Whether it is ready as a whole says nothing of one of its models. */
const LIVE: Probe = {
  action: { kind: "http", port: PORTS.http, path: "/v2/health/live", secure: false, headers: [] },
  initialDelayMs: 0,
  periodMs: 500,
  timeoutMs: 5_000,
  successThreshold: 1,
  failureThreshold: 600,
};

const CONTAINER: ContainerSpec = {
  program: "triton",
  image: undefined,
  imagePullPolicy: "Never",
  command: ["tritonserver"],
  arguments: [
    `--model-repository=${MODEL_PATH}`,
    "--model-control-mode=explicit",
    `--http-address=${LOOPBACK}`,
    `--http-port=${PORTS.http}`,
    `--grpc-address=${LOOPBACK}`,
    `--grpc-port=${PORTS.grpc}`,
    `--metrics-address=${LOOPBACK}`,
    `--metrics-port=${PORTS.metrics}`,
  ],
  workingDirectory: undefined,
  environment: [],
  ports: Object.entries(PORTS).map(([name, number]) => ({ name, number })),
  mounts: [],
  resources: { memoryRequest: undefined, memoryLimit: undefined, processorLimit: undefined, diskLimit: undefined, devices: {} },
  startupProbe: LIVE,
  readinessProbe: { ...LIVE, periodMs: 5_000, failureThreshold: 3 },
  livenessProbe: { ...LIVE, periodMs: 10_000, timeoutMs: 15_000, failureThreshold: 6 },
  terminationGraceMs: 30_000,
  network: "private",
  user: undefined,
  group: undefined,
};
