import type { ContainerPort } from "../../core/container.ts";
import type { JsonObject } from "../../core/inference.ts";
import { listIn, numberIn, textIn } from "../json-fields.ts";

/** Where KServe's own servers listen when nothing says anything else. */
export const HTTP_PORT = 8080;
/** The one of gRPC by the same convention. */
const GRPC_PORT = 9000;

const GRPC_NAME = /^(grpc|h2c)/;
const METRICS_NAME = /^(metrics|prom)/;
/** Arguments of KServe's servers, Triton and OpenVINO's. */
const HTTP_ARGUMENT = /^--(?:http|rest)[-_]port(?:=(\d{1,5}))?$/;
const GRPC_ARGUMENT = /^--grpc[-_]port(?:=(\d{1,5}))?$/;

export interface ServerPorts {
  /** Those that the container declares, with what it says otherwise of where it listens. */
  readonly declared: readonly ContainerPort[];
  readonly http: number | undefined;
  readonly grpc: number | undefined;
  readonly metrics: number | undefined;
}

/**
 * Which port is for what: as in Knative, h2c is gRPC's, so are other names that begin with grpc and the port 9000; one called metrics is for
 * metrics; the first of the others is for HTTP.
 */
export function serverPorts(container: JsonObject, spec: JsonObject): ServerPorts {
  const declared = listIn(container, "ports").flatMap((port): ContainerPort[] => {
    const protocol = textIn(port, "protocol") ?? "TCP";
    const name = textIn(port, "name");
    return protocol === "TCP" ? [{ name: name === "" ? undefined : name, number: numberIn(port, "containerPort") ?? 0 }] : [];
  });
  const metrics = declared.find(({ name }) => METRICS_NAME.test(name ?? ""))?.number;
  const isGrpc = ({ name, number }: ContainerPort): boolean => (name === undefined ? number === GRPC_PORT : GRPC_NAME.test(name));
  const http = declared.find((port) => !isGrpc(port) && port.number !== metrics)?.number;
  const grpc = declared.find(isGrpc)?.number;
  const args = listIn(container, "args").map(String);
  return {
    declared,
    http: endpointPort(spec, "httpDataEndpoint") ?? http ?? argument(args, HTTP_ARGUMENT) ?? (grpc === undefined ? HTTP_PORT : undefined),
    grpc: endpointPort(spec, "grpcDataEndpoint") ?? grpc ?? argument(args, GRPC_ARGUMENT),
    metrics,
  };
}

/** ModelMesh writes `port:8001`. */
function endpointPort(spec: JsonObject, field: string): number | undefined {
  const [, port] = /^port:(\d{1,5})$/.exec(textIn(spec, field) ?? "") ?? [];
  return port === undefined ? undefined : Number(port);
}

/** `--http-port=8080` and `--http-port 8080`. */
function argument(args: readonly string[], expression: RegExp): number | undefined {
  for (const [index, text] of args.entries()) {
    const match = expression.exec(text);
    const port = Number(match === null ? Number.NaN : (match[1] ?? args[index + 1]));
    if (Number.isInteger(port) && port > 0) return port;
  }
  return undefined;
}
