import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { whole } from "../hostile/wire.ts";
import type { Operation, Soak } from "./soak-http.ts";

/** Its connections are kept, which a client that leaves must not spoil for the next one. */
export const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/** Clients that go before their answer is there, each at another point, and one that sends more than it may. */
export const LEAVERS: Readonly<Record<string, Operation>> = {
  "leaves within the headers": async ({ url, random }) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname).on("error", () => undefined);
    await once(socket, "connect");
    socket.write("POST /v1/models/iris:predict HTTP/1.1\r\nHost: localhost\r\nContent-Le");
    await delay(random() * 10);
    socket.destroy();
    return "disconnected";
  },
  "leaves within the body": async ({ url, random, unique }) => {
    const body = JSON.stringify({ instances: [[unique(), 3.5, 1.4, 0.2]] });
    const headers = { "Content-Length": String(body.length + 1000) };
    const sent = request(`${url}/v1/models/iris:predict`, { method: "POST", agent, headers }).on("error", () => undefined);
    sent.write(body);
    await delay(random() * 10);
    sent.destroy();
    return "disconnected";
  },
  "leaves before the answer": (soak) => leave(soak, 15, 0.01),
  "leaves within the stream": async ({ url, random, unique }) => {
    const controller = new AbortController();
    const body = JSON.stringify({ instances: [40], parameters: { pause: 0.005 + unique() / 1e11 } });
    try {
      const response = await fetch(`${url}/v1/models/countdown:predict`, { method: "POST", body, signal: controller.signal });
      const reader = response.body?.getReader();
      await reader?.read();
      await delay(random() * 50);
      controller.abort();
      return "disconnected";
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      return "disconnected";
    }
  },
  "leaves with several requests under way": async ({ url, random, unique }) => {
    const socket = await connectTo(url);
    for (let count = 0; count < 4; count++) socket.write(countdown(20, 0.005 + unique() / 1e11));
    await delay(random() * 50);
    if (random() < 0.5) socket.resetAndDestroy();
    else socket.destroy();
    return "disconnected";
  },
  "does not read its stream and leaves": async ({ url, random, unique }) => {
    const socket = await connectTo(url);
    socket.pause();
    socket.write(countdown(200, unique() / 1e11));
    await delay(random() * 100);
    socket.destroy();
    return "disconnected";
  },
  "ends its sending side and waits for its answer": async ({ url, isExcused, unique }) => {
    const socket = await connectTo(url);
    socket.end(countdown(3, 0.005 + unique() / 1e11));
    let text = "";
    for await (const data of socket) text += String(data);
    const status = [...text.matchAll(/^HTTP\/1.1 (\d+)/gm)].at(-1)?.[1];
    if (status !== "200") {
      expect(["429", "503", "504"], text).toContain(status);
      expect(isExcused("countdown"), `no kill explains ${text}`).toBe(true);
      return "unavailable";
    }
    // A kill within the stream ends it before its last chunk.
    if (!/\r\n0+\r\n\r\n$/.test(text) && isExcused("countdown")) return "unavailable";
    expect(text.match(/\[\d\]/g), text).toEqual(["[3]", "[2]", "[1]"]);
    return "answered";
  },
  "a watch": async ({ url, random }) => {
    const controller = new AbortController();
    const response = await fetch(`${url}/apis/serving.kserve.io/v1beta1/inferenceservices?watch=1`, { signal: controller.signal });
    expect(response.status).toBe(200);
    const timer = setTimeout(() => controller.abort(), random() * 200);
    try {
      await response.text();
      return "answered";
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      return "disconnected";
    } finally {
      clearTimeout(timer);
    }
  },
  "a body that is too large (413)": async ({ url }) => {
    const headers = { "Content-Length": String(2 ** 31) };
    const sent = request(`${url}/v1/models/iris:predict`, { method: "POST", agent, headers }).on("error", () => undefined);
    sent.flushHeaders();
    const [response] = await once(sent, "response");
    expect(response.statusCode).toBe(413);
    response.resume();
    sent.destroy();
    return "refused";
  },
};

async function connectTo(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true }).on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** A request for a stream with so many pieces and so many seconds between two. */
function countdown(start: number, pause: number): Uint8Array {
  return whole("/v1/models/countdown:predict", JSON.stringify({ instances: [start], parameters: { pause } }));
}

/** Aborts after up to some milliseconds; an answer that was quicker is as good. */
async function leave({ url, random, unique }: Soak, most: number, pause: number): ReturnType<Operation> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), random() * most);
  try {
    const body = JSON.stringify({ instances: [20], parameters: { pause: pause + unique() / 1e11 } });
    await (await fetch(`${url}/v1/models/countdown:predict`, { method: "POST", body, signal: controller.signal })).text();
    return "answered";
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    return "disconnected";
  } finally {
    clearTimeout(timer);
  }
}
