import type { Duplex } from "node:stream";

/** Everything an executor needs to start a host process. */
export interface HostSpec {
  /** Shown in logs and metrics. */
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory?: string;
}

/** A running host process and the connection to it. */
export interface HostEndpoint {
  /** As its spec says. */
  readonly name: string;
  readonly pid: number;
  /** Frames in both directions. */
  readonly connection: Duplex;
  /** Settles with a sentence that says how the process ended. */
  readonly exited: Promise<string>;
  /** The last lines that the process printed. */
  logTail(): readonly string[];
  /** Ask to end; killed when it has not after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface Executor {
  start(spec: HostSpec): HostEndpoint;
  close(): Promise<void>;
}
