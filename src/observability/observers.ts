import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Family } from "./families.ts";
import { MAX_BODY, openRecorder, type RecorderOptions } from "./recorder.ts";

export interface ObserversOptions {
  /** Where requests are recorded, if they are. */
  readonly recording: Pick<RecorderOptions, "file" | "bodies" | "maxBytes" | "requestTimeoutMs"> | undefined;
  /** Address of an OTLP/HTTP receiver of traces; without it, one that the environment names. */
  readonly traces: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly version: string;
  /** Told what whoever runs the server should know. */
  readonly onNotice: (text: string) => void;
}

/** Those who look at whole requests: traces and the recording. */
export interface Observers {
  /** Undefined when there are none. */
  readonly onExchange: ((exchange: Exchange) => void) | undefined;
  /** Bodies up to this many bytes are looked at after the request has ended. */
  readonly bodyBytes: number;
  readonly families: readonly Family[];
  close(): Promise<void>;
}

interface Observer {
  readonly observe: (exchange: Exchange) => void;
  readonly families: readonly Family[];
  close(): Promise<void>;
}

/** Opens what was asked for. @throws Error that says what cannot be opened, and why */
export async function openObservers(options: ObserversOptions): Promise<Observers> {
  const { recording, traces, environment, clock, version, onNotice } = options;
  const observers: Observer[] = [];
  if (recording !== undefined) {
    const recorder = await openRecorder({ ...recording, clock, onNotice });
    observers.push({ ...recorder, observe: recorder.record });
  }
  if (traces !== undefined || wantsTraces(environment)) {
    if (environment.OTEL_EXPORTER_OTLP_PROTOCOL === "grpc" || environment.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL === "grpc")
      onNotice("traces are sent as JSON over HTTP, not gRPC; the receiver's port for that is 4318 as a rule");
    // Loaded only now: it is larger than the rest of the server.
    const { openTracer } = await import("./tracer.ts");
    const tracer = openTracer({ endpoint: traces, environment, clock, version, onNotice });
    observers.push({ ...tracer, observe: tracer.trace });
  }
  const observe = (exchange: Exchange): void => {
    for (const observer of observers) {
      try {
        observer.observe(exchange);
      } catch (error) {
        // The request has been answered, whatever is wrong with those who watch.
        onNotice(`a request could not be observed: ${messageOf(error)}`);
      }
    }
  };
  return {
    onExchange: observers.length === 0 ? undefined : observe,
    bodyBytes: recording?.bodies === true ? MAX_BODY : 0,
    families: observers.flatMap(({ families }) => families),
    async close() {
      await Promise.all(observers.map((observer) => observer.close()));
    },
  };
}

/** As OpenTelemetry's programs are told where to send. */
function wantsTraces(environment: ObserversOptions["environment"]): boolean {
  if (environment.OTEL_SDK_DISABLED === "true" || environment.OTEL_TRACES_EXPORTER === "none") return false;
  return (environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || environment.OTEL_EXPORTER_OTLP_ENDPOINT || "") !== "";
}
