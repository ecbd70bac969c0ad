import type { Duplex } from "node:stream";
import type { ContainerSpec } from "./container.ts";

/** Everything an executor needs to start a host process. */
export interface HostSpec {
  /** Shown in logs and metrics. */
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Nothing is started: the model runs in this process. */
  readonly inProgram?: boolean;
  /** A server of its own instead of a host: command, arguments and environment are in here. */
  readonly container?: ContainerSpec;
  /** Nothing is started: the server is at this URL already. */
  readonly elsewhere?: string;
  /** The command is a launcher: it speaks on descriptor 4, and ends with everything below it when that is closed. */
  readonly launched?: boolean;
  /** The launcher makes this folder and removes it at its end. */
  readonly temporary?: string;
}

/** A running host process and the connection to it. */
export interface HostEndpoint {
  /** As its spec says. */
  readonly name: string;
  /** Of the host itself, or of its launcher until that has told. */
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
  /**
   * Fetches what the start would have to wait for: the image of a container. Nothing for hosts.
   * @throws ServeError when it cannot be had; the signal's reason when aborted
   */
  prepare(spec: HostSpec, report: (step: string) => void, signal: AbortSignal): Promise<void>;
  start(spec: HostSpec): HostEndpoint;
  /** A host has loaded its model: from now on it has its full share of the processors. `pid` as its endpoint says. */
  loaded(pid: number): void;
  close(): Promise<void>;
}
