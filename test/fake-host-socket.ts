import { Duplex } from "node:stream";
import type { HostEndpoint } from "../src/core/executor.ts";
import { encodeFrame, FRAME_TYPES, type Frame, FrameDecoder, type FrameName } from "../src/frames/index.ts";
import { settle } from "./fake-clock.ts";

/** The server's end of a socket whose other end is no process but a test, which may say whatever bytes it likes. */
export class FakeHostSocket extends Duplex {
  /** What the server has sent. */
  readonly sent: Frame[] = [];
  /** Grace of each `stop` of the process. */
  readonly stops: number[] = [];
  readonly endpoint: HostEndpoint;
  readonly #decoder = new FrameDecoder();
  #exit: (how: string) => void = () => undefined;

  constructor() {
    super({ emitClose: true });
    const exited = new Promise<string>((resolve) => {
      this.#exit = resolve;
    });
    this.endpoint = {
      name: "fake",
      pid: 1,
      connection: this,
      exited,
      logTail: () => ["last words"],
      stop: async (graceMs) => {
        this.stops.push(graceMs);
        await exited;
      },
    };
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.sent.push(...this.#decoder.push(Uint8Array.prototype.slice.call(chunk)));
    done();
  }

  /** The stream on which the server sent its latest frame of this name. */
  streamOf(name: FrameName): number {
    const frame = this.sent.findLast(({ type }) => type === FRAME_TYPES[name]);
    if (frame === undefined) throw new Error(`the server has sent no ${name}`);
    return frame.stream;
  }

  /** Metadata may be anything: a damaged host is not bound to the types. */
  async say(name: FrameName, stream: number, meta: object, blobs: readonly Uint8Array[] = []): Promise<void> {
    await this.sayBytes(Buffer.concat(encodeFrame(FRAME_TYPES[name], stream, meta, blobs)));
  }

  async sayBytes(bytes: Uint8Array): Promise<void> {
    this.push(bytes);
    await settle();
  }

  async hello(credit: unknown = 1): Promise<void> {
    await this.say("hello", 0, { protocol: 1, host: "fake", version: "0", language: "none", pid: 1, credit });
  }

  /** The process ends, and the connection with it. */
  async die(how: string): Promise<void> {
    this.#exit(how);
    this.destroy();
    await settle();
  }
}
