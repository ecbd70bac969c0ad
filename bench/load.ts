import { connect, type Socket } from "node:net";
import { percentile } from "./figures.ts";

/** Closed-loop load: each connection sends its next request when it has the answer to the last. Runs in a process of its own. */
interface Order {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly body: string;
  /** One more header. */
  readonly header?: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface Measured {
  readonly requests: number;
  readonly seconds: number;
  /** Answers other than 200. */
  readonly errors: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** User and system milliseconds of the client itself for one request. */
  readonly cpu: number;
}

const order = JSON.parse(process.argv[2] ?? "{}") as Order;
const request = Buffer.from(
  `POST ${order.path} HTTP/1.1\r\nHost: ${order.host}:${order.port}\r\n${order.header === undefined ? "" : `${order.header}\r\n`}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(order.body)}\r\n\r\n${order.body}`,
);
const latencies: number[] = [];
let errors = 0;
const usedBefore = process.cpuUsage();
const started = performance.now();
const end = started + order.seconds * 1000;

await Promise.all(Array.from({ length: order.connections }, drive));
const used = process.cpuUsage(usedBefore);
const sorted = Float64Array.from(latencies).sort();
const measured: Measured = {
  requests: latencies.length,
  seconds: (performance.now() - started) / 1000,
  errors,
  p50: percentile(sorted, 0.5),
  p99: percentile(sorted, 0.99),
  cpu: (used.user + used.system) / 1000 / latencies.length,
};
process.stdout.write(JSON.stringify(measured));

function drive(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: order.host, port: order.port, noDelay: true });
    let sentAt = 0;
    let text = "";
    const send = (): void => {
      sentAt = performance.now();
      socket.write(request);
    };
    socket.setEncoding("latin1");
    socket.on("connect", send);
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`${order.host}:${order.port} closed a connection that was in use`)));
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (!isWhole(text)) return;
      const now = performance.now();
      latencies.push(now - sentAt);
      if (!text.startsWith("HTTP/1.1 200")) errors++;
      text = "";
      if (now < end) send();
      else {
        socket.destroy();
        resolve();
      }
    });
  });
}

function isWhole(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1];
  return length !== undefined && text.length >= head + 4 + Number(length);
}
