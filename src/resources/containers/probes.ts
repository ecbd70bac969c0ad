import type { Probe, ProbeAction } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import type { JsonObject, JsonValue } from "../../core/inference.ts";
import { listIn, mapIn, numberIn, textIn } from "../json-fields.ts";

/** What Kubernetes has where a probe says nothing, or 0 (core/v1 defaults.go). */
const DEFAULTS = { period: 10, timeout: 1, success: 1, failure: 3 };
/** Of a server without a probe of its own, whose start nobody wants to see 10 s late. */
const OWN_PERIOD_MS = 1_000;

export type ProbeName = "startupProbe" | "readinessProbe" | "livenessProbe";

export interface ProbePorts {
  /** Where a probe goes that names no port. */
  readonly first: number;
  readonly named: ReadonlyMap<string, number>;
}

/**
 * A probe with Kubernetes' defaults; undefined when the container has none of that name.
 * @throws ServeError FAILED_PRECONDITION for the name of a port that the container has not
 */
export function readProbe(container: JsonObject, name: ProbeName, ports: ProbePorts): Probe | undefined {
  const probe = mapIn(container, name);
  if (probe === undefined) return undefined;
  return {
    action: actionOf(probe, name, ports),
    initialDelayMs: (numberIn(probe, "initialDelaySeconds") ?? 0) * 1000,
    periodMs: (positive(numberIn(probe, "periodSeconds")) ?? DEFAULTS.period) * 1000,
    timeoutMs: (positive(numberIn(probe, "timeoutSeconds")) ?? DEFAULTS.timeout) * 1000,
    // More than one success counts for readiness only.
    successThreshold: name === "readinessProbe" ? (positive(numberIn(probe, "successThreshold")) ?? DEFAULTS.success) : 1,
    failureThreshold: positive(numberIn(probe, "failureThreshold")) ?? DEFAULTS.failure,
  };
}

/** Whether somebody listens, as Knative asks of a container without a probe. */
export function connectionProbe(port: number): Probe {
  return {
    action: { kind: "tcp", port },
    initialDelayMs: 0,
    periodMs: OWN_PERIOD_MS,
    timeoutMs: OWN_PERIOD_MS,
    successThreshold: 1,
    failureThreshold: DEFAULTS.failure,
  };
}

/** One without an action connects to the first port, as KServe fills it in. */
function actionOf(probe: JsonObject, name: ProbeName, ports: ProbePorts): ProbeAction {
  const [http, exec, grpc] = [mapIn(probe, "httpGet"), mapIn(probe, "exec"), mapIn(probe, "grpc")];
  if (http !== undefined) {
    const path = textIn(http, "path") ?? "/";
    return {
      kind: "http",
      port: portOf(http.port, `${name}.httpGet`, ports),
      path: path.startsWith("/") ? path : `/${path}`,
      secure: textIn(http, "scheme") === "HTTPS",
      headers: listIn(http, "httpHeaders").map((header) => [textIn(header, "name") ?? "", textIn(header, "value") ?? ""] as const),
    };
  }
  if (exec !== undefined) return { kind: "exec", command: listIn(exec, "command").map(String) };
  if (grpc !== undefined) return { kind: "grpc", port: portOf(grpc.port, `${name}.grpc`, ports), service: textIn(grpc, "service") ?? "" };
  return { kind: "tcp", port: portOf(mapIn(probe, "tcpSocket")?.port, `${name}.tcpSocket`, ports) };
}

function portOf(written: JsonValue | undefined, place: string, { first, named }: ProbePorts): number {
  if (written === undefined || written === null || written === "") return first;
  if (typeof written !== "string") return Number(written);
  const port = named.get(written);
  if (port !== undefined) return port;
  const names = [...named.keys()];
  const has = names.length === 0 ? "its ports have no names" : `its ports are called ${names.join(", ")}`;
  throw new ServeError("FAILED_PRECONDITION", `${place} names the port ${written}, and the container has none of that name: ${has}`);
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}
