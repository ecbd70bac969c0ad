import { connect, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { systemClock } from "../src/core/clock.ts";
import type { Tensor } from "../src/core/tensor.ts";
import type { ServerEndpoint } from "../src/core/upstream.ts";
import type { UpstreamClientOptions } from "../src/replicas/upstream/client.ts";
import { type Handler, LoopbackServer } from "./loopback-server.ts";

/** How a client reaches a server of this test. */
export function reaching({ port }: LoopbackServer, more: Partial<UpstreamClientOptions> = {}): UpstreamClientOptions {
  return {
    connect: connectTo,
    port,
    model: "iris",
    authority: `127.0.0.1:${port}`,
    prefix: "",
    clock: systemClock,
    concurrency: 4,
    ...more,
  };
}

export function connectTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** A server process that a test plays: its ports are those of this machine, and it ends when the test says so. */
export class PlayedServer implements ServerEndpoint {
  readonly name = "played/1";
  readonly pid = 4711;
  readonly connection = new PassThrough();
  readonly exited: Promise<string>;
  /** Grace of each request to end. */
  readonly stops: number[] = [];
  commands: Array<readonly string[]> = [];
  exitCode = 0;
  end!: (how: string) => void;

  constructor() {
    this.exited = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  logTail(): readonly string[] {
    return ["the last line"];
  }

  stop(graceMs: number): Promise<void> {
    this.stops.push(graceMs);
    this.end("was asked to end");
    return Promise.resolve();
  }

  connect(port: number): Promise<Socket> {
    return connectTo(port);
  }

  exec(command: readonly string[]): Promise<{ code: number; output: string }> {
    this.commands.push(command);
    return Promise.resolve({ code: this.exitCode, output: "line one\nline two\n" });
  }
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** It never answers. */
  readonly hangs?: boolean;
}

/** A stand-in for a model's server: it answers whole requests with what the test says, and remembers them. */
export class StandIn {
  readonly asked: Asked[] = [];
  readonly server: LoopbackServer;

  private constructor(server: LoopbackServer, asked: Asked[]) {
    this.server = server;
    this.asked = asked;
  }

  static async start(answer: (asked: Asked) => Answer): Promise<StandIn> {
    const asked: Asked[] = [];
    const handle: Handler = (request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        const whole = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body: Buffer.concat(pieces) };
        asked.push(whole);
        const { status = 200, headers = { "Content-Type": "application/json" }, body = "", hangs } = answer(whole);
        if (hangs !== true) response.writeHead(status, headers).end(body);
      });
    };
    return new StandIn(await LoopbackServer.start(handle), asked);
  }

  get last(): Asked {
    return this.asked.at(-1) as Asked;
  }

  /** The JSON of the last request, up to where its binary tensors begin. */
  get json(): unknown {
    const { body, headers } = this.last;
    const length = headers["inference-header-content-length"];
    return JSON.parse(body.subarray(0, typeof length === "string" ? Number(length) : body.byteLength).toString());
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}

export function floats(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  return { name, datatype: "FP32", shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

export function integers(name: string, shape: readonly number[], values: readonly bigint[]): Tensor {
  return { name, datatype: "INT64", shape, data: new Uint8Array(BigInt64Array.from(values).buffer) };
}

export function texts(name: string, values: readonly string[]): Tensor {
  return { name, datatype: "BYTES", shape: [values.length], data: values.map((value) => new TextEncoder().encode(value)) };
}
