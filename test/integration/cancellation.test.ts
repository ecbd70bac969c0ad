import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { head, Wire, whole } from "../hostile/wire.ts";
import { randomFrom } from "../long/random.ts";
import { NOTING_MODELS } from "../noting-models.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

let folder: string;
let server: ServerProcess;
let serial = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-cancellation-"));
  for (const [path, code] of Object.entries(NOTING_MODELS)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), code);
  }
  server = await startServer([folder], ["--answer-timeout", "1500", "--request-timeout", "30000"]);
  await untilLoaded(server);
});

afterAll(async () => {
  // A request that nobody has told of its client's end would keep it.
  expect(await server?.stop()).toBe(0);
  await rm(folder, { recursive: true });
});

const newName = (): string => `r${++serial}`;

function request(model: string, instance: readonly unknown[], headers: Readonly<Record<string, string>> = {}): Uint8Array {
  return whole(`/v1/models/${model}:predict`, JSON.stringify({ instances: [instance] }), headers);
}

async function notesOf(model: string): Promise<string[]> {
  const text = await readFile(join(folder, model, "notes"), "utf8").catch(() => "");
  return text.split("\n");
}

async function untilNoted(model: string, line: string): Promise<void> {
  while (!(await notesOf(model)).includes(line)) await delay(5);
}

/** The value of a metric's line with all of these labels, 0 where there is none. */
async function metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const lines = text.split("\n").filter((line) => line.startsWith(name) && wanted.every((label) => line.includes(label)));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

const cancelled = (model: string, stage: string): Promise<number> => metric("nitrous_requests_cancelled_total", { model, stage });

async function untilCancelled(model: string, stage: string, count: number): Promise<void> {
  while ((await cancelled(model, stage)) < count) await delay(10);
  expect(await cancelled(model, stage)).toBe(count);
}

/** Answers of the model, without what came before them. */
async function answers(wire: Wire, count = 1): Promise<string[]> {
  for (;;) {
    const final = wire.replies.filter(({ status }) => status !== 100);
    if (final.length >= count || wire.socket.destroyed) return final.map(({ status, body }) => `${status} ${body}`);
    await wire.received(wire.replies.length + 1);
  }
}

/** How a client goes away. */
const LEAVES = {
  "closes its connection": (wire: Wire) => wire.socket.destroy(),
  "resets its connection": (wire: Wire) => wire.socket.resetAndDestroy(),
};
const leaves = Object.entries(LEAVES);
const cases = (models: readonly string[]) => models.flatMap((model) => leaves.map(([how, leave]) => [model, how, leave] as const));

describe("a client that has sent its whole request and waits", () => {
  it.each(cases(["asks", "asks-node"]))("(%s) and %s ends the call that runs", async (model, _how, leave) => {
    const [name, before] = [newName(), await cancelled(model, "running")];
    const wire = new Wire(server.url);
    await wire.send([request(model, [name, 60])]);
    await untilNoted(model, `begins ${name}`);
    leave(wire);
    await untilNoted(model, `stops ${name}`);
    await untilCancelled(model, "running", before + 1);
  });

  it.each(["asks", "asks-node"])("(%s) and ends its sending side gets its answer", async (model) => {
    const [name, before] = [newName(), await cancelled(model, "running")];
    const wire = new Wire(server.url);
    await wire.send([request(model, [name, 0.4])]);
    await untilNoted(model, `begins ${name}`);
    wire.socket.end();
    expect(await answers(wire)).toEqual([`200 {"predictions":["${name}"]}`]);
    await wire.closed;
    expect(await cancelled(model, "running")).toBe(before);
  });

  it("and ends its sending side with its last byte gets its answer", async () => {
    const wire = new Wire(server.url);
    wire.socket.end(request("asks", ["last", 0.1]));
    expect(await answers(wire)).toEqual(['200 {"predictions":["last"]}']);
  });

  it("and ends its sending side, and then its connection, ends the call that runs", async () => {
    const name = newName();
    const wire = new Wire(server.url);
    await wire.send([request("asks", [name, 60])]);
    await untilNoted("asks", `begins ${name}`);
    wire.socket.end();
    await delay(200);
    wire.socket.destroy();
    await untilNoted("asks", `stops ${name}`);
  });

  it("and ends its sending side has gone when it speaks HTTP/1.0", async () => {
    const name = newName();
    const wire = new Wire(server.url);
    await wire.send([
      Buffer.from(
        Buffer.from(request("asks", [name, 60]))
          .toString()
          .replace("HTTP/1.1", "HTTP/1.0"),
      ),
    ]);
    await untilNoted("asks", `begins ${name}`);
    wire.socket.end();
    await untilNoted("asks", `stops ${name}`);
    await wire.closed;
  });
});

describe.each(leaves)("a client of several requests that %s", (_how, leave) => {
  it("ends the second one of a connection that is kept", async () => {
    const [first, second] = [newName(), newName()];
    const wire = new Wire(server.url);
    await wire.send([request("asks", [first, 0])]);
    expect(await answers(wire)).toEqual([`200 {"predictions":["${first}"]}`]);
    await wire.send([request("asks", [second, 60])]);
    await untilNoted("asks", `begins ${second}`);
    leave(wire);
    await untilNoted("asks", `stops ${second}`);
  });

  it("ends all that it has sent without waiting, of which those behind never reach the model", async () => {
    const names = [newName(), newName(), newName()];
    // Behind the one that is answered they may have been read, or not.
    const behind = async () =>
      (await cancelled("asks", "queued")) + (await cancelled("asks", "reading")) + (await cancelled("", "reading"));
    const [running, waiting] = [await cancelled("asks", "running"), await behind()];
    const wire = new Wire(server.url);
    await wire.send(names.map((name) => request("asks", [name, 60])));
    await untilNoted("asks", `begins ${names[0]}`);
    leave(wire);
    await untilNoted("asks", `stops ${names[0]}`);
    await untilCancelled("asks", "running", running + 1);
    while ((await behind()) < waiting + 2) await delay(10);
    const next = new Wire(server.url);
    await next.send([request("asks", ["next", 0])]);
    expect(await answers(next)).toEqual(['200 {"predictions":["next"]}']);
    next.socket.destroy();
    const notes = await notesOf("asks");
    expect(names.slice(1).filter((name) => notes.includes(`begins ${name}`))).toEqual([]);
    expect(await metric("nitrous_requests_in_flight")).toBe(0);
  });

  it("leaves the queue at once, and its request never reaches the model", async () => {
    const [slow, waiting, before] = [newName(), newName(), await cancelled("deaf", "queued")];
    const [first, second] = [new Wire(server.url), new Wire(server.url)];
    await first.send([request("deaf", [slow, 1.5])]);
    await untilNoted("deaf", `begins ${slow}`);
    await second.send([request("deaf", [waiting, 0])]);
    await delay(100);
    leave(second);
    await untilCancelled("deaf", "queued", before + 1);
    expect(await notesOf("deaf")).not.toContain(`ends ${slow}`);
    expect(await answers(first)).toEqual([`200 {"predictions":["${slow}"]}`]);
    first.socket.destroy();
    const third = new Wire(server.url);
    await third.send([request("deaf", ["third", 0])]);
    expect(await answers(third)).toEqual(['200 {"predictions":["third"]}']);
    third.socket.destroy();
    expect(await notesOf("deaf")).not.toContain(`begins ${waiting}`);
  });

  it("keeps the place of a call that cannot be ended, until it ends, and its answer reaches nobody", async () => {
    const [left, next] = [newName(), newName()];
    const [first, second] = [new Wire(server.url), new Wire(server.url)];
    await first.send([request("deaf", [left, 0.5])]);
    await untilNoted("deaf", `begins ${left}`);
    leave(first);
    await second.send([request("deaf", [next, 0])]);
    expect(await answers(second)).toEqual([`200 {"predictions":["${next}"]}`]);
    second.socket.destroy();
    const notes = await notesOf("deaf");
    expect(notes.indexOf(`begins ${next}`)).toBeGreaterThan(notes.indexOf(`ends ${left}`));
    expect(notes).toContain(`ends ${left}`);
  });

  it("counts as gone while its body was read", async () => {
    const before = await cancelled("", "reading");
    const wire = new Wire(server.url);
    await wire.send([head("POST", "/v1/models/asks:predict", { "Content-Length": 1000 }), '{"instances":']);
    await delay(50);
    leave(wire);
    const after = async () => (await cancelled("", "reading")) + (await cancelled("asks", "reading"));
    while ((await after()) <= before) await delay(10);
  });
});

it("answers 400 to a body that ends with the client's sending side before it should", async () => {
  const wire = new Wire(server.url);
  wire.socket.end(`${head("POST", "/v1/models/asks:predict", { "Content-Length": 1000 })}{"instances":`);
  expect(await answers(wire)).toEqual(['400 {"error":"the client ended the connection within the request"}']);
});

describe.each([{}, { Accept: "text/event-stream" }])("a client within a stream (%j)", (headers) => {
  it.each(cases(["streams", "streams-node"]))("(%s) that %s ends a model that is silent", async (model, _how, leave) => {
    const [name, before] = [newName(), await cancelled(model, "answering")];
    const wire = new Wire(server.url);
    const begun = new Promise((resolve) => wire.socket.once("data", resolve));
    await wire.send([request(model, [name, 1], headers)]);
    await begun;
    leave(wire);
    await untilNoted(model, `stops ${name}`);
    await untilCancelled(model, "answering", before + 1);
  });

  it.each(cases(["streams", "streams-node"]))("(%s) that does not read on stops the model, and then %s", async (model, _how, leave) => {
    const [name, before] = [newName(), await cancelled(model, "answering")];
    const wire = new Wire(server.url);
    wire.socket.pause();
    await wire.send([request(model, [name, 256 * 1024], headers)]);
    const yielded = async () => (await notesOf(model)).filter((note) => note === `yields ${name}`).length;
    let [last, now] = [-1, 0];
    while (now === 0 || now > last) {
      await delay(250);
      [last, now] = [now, await yielded()];
    }
    // What the system keeps for the two sockets is some mebibytes; the rest is credit.
    expect(now).toBeLessThan(100);
    leave(wire);
    await untilNoted(model, `stops ${name}`);
    await untilCancelled(model, "answering", before + 1);
  });

  it.each(["streams", "streams-node"])("(%s) that ends its sending side reads on", async (model) => {
    const name = newName();
    const wire = new Wire(server.url);
    const begun = new Promise((resolve) => wire.socket.once("data", resolve));
    let text = "";
    wire.socket.on("data", (data: Buffer) => {
      text += data.toString("latin1");
    });
    await wire.send([request(model, [name, 100], headers)]);
    await begun;
    wire.socket.end();
    await new Promise((resolve) => wire.socket.once("end", resolve));
    const chunks = sizesOf(text);
    expect([chunks.length, chunks.at(-1)]).toEqual([10_001, 0]);
    expect(await notesOf(model)).toContain(`stops ${name}`);
  });
});

/** The sizes of the chunks of a whole body, read as a client does. */
function sizesOf(text: string): number[] {
  const sizes: number[] = [];
  let position = text.indexOf("\r\n\r\n") + 4;
  while (sizes.at(-1) !== 0) {
    const end = text.indexOf("\r\n", position);
    const size = text.slice(position, end);
    expect(size).toMatch(/^[0-9a-f]+$/i);
    sizes.push(Number.parseInt(size, 16));
    position = end + 2 + Number.parseInt(size, 16) + 2;
    expect(text.slice(position - 2, position)).toBe("\r\n");
  }
  expect(position).toBe(text.length);
  return sizes;
}

describe("a client that takes nothing of a large answer", () => {
  const SIZE = 24 * 1024 * 1024;

  it("loses its connection after the time that it has", async () => {
    const before = await cancelled("large", "answering");
    const wire = new Wire(server.url);
    wire.socket.pause();
    await wire.send([whole("/v1/models/large:predict", JSON.stringify({ instances: [SIZE] }))]);
    await untilCancelled("large", "answering", before + 1);
    wire.socket.resume();
    await wire.closed;
    expect(wire.replies).toEqual([]);
  });

  it("gets all of it when it only takes it slowly, and has all its time for the next answer", async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    let tail = "";
    socket.on("data", (data: Buffer) => {
      tail = (tail + data.toString("latin1")).slice(-100);
    });
    socket.pause();
    socket.write(whole("/v1/models/large:predict", JSON.stringify({ instances: [SIZE] })));
    socket.write(request("asks", ["after", 5]));
    for (let pause = 0; pause < 3; pause++) {
      await delay(900);
      const taken = socket.bytesRead;
      socket.resume();
      while (socket.bytesRead < taken + SIZE / 8) await delay(1);
      socket.pause();
    }
    socket.resume();
    while (!tail.endsWith('{"predictions":["after"]}')) await delay(5);
    expect(socket.bytesRead).toBeGreaterThan(SIZE);
    socket.destroy();
  });
});

it("cancels a call at its deadline, as when its client had gone", async () => {
  const other = await mkdtemp(join(tmpdir(), "nitrous-deadline-"));
  for (const model of ["asks", "asks-node"]) {
    const file = model === "asks" ? "model.py" : "model.mjs";
    await mkdir(join(other, model));
    await writeFile(join(other, model, file), NOTING_MODELS[`${model}/${file}` as keyof typeof NOTING_MODELS]);
  }
  const impatient = await startServer([other], ["--request-timeout", "500"]);
  await untilLoaded(impatient);
  for (const model of ["asks", "asks-node"]) {
    const body = JSON.stringify({ instances: [["late", 60]] });
    const response = await fetch(`${impatient.url}/v1/models/${model}:predict`, { method: "POST", body });
    expect(response.status).toBe(504);
    while (!(await readFile(join(other, model, "notes"), "utf8")).includes("stops late")) await delay(5);
  }
  expect(await impatient.stop()).toBe(0);
  await rm(other, { recursive: true });
});

it("answers one half of 200 clients rightly while the other half hangs up at random moments", async () => {
  const random = randomFrom(6);
  const body = (value: number): string =>
    JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [value] }], id: `c${value}` });
  const clients = Array.from({ length: 200 }, (_, value) => ({ value, when: random() * 300, how: random() }));
  const results = await Promise.all(
    clients.map(async ({ value, when, how }) => {
      await delay(random() * 100);
      const wire = new Wire(server.url);
      const bytes = Buffer.from(whole("/v2/models/doubles/infer", body(value)));
      if (value % 2 === 0) {
        await wire.send([bytes]);
        const [answer = ""] = await answers(wire);
        wire.socket.destroy();
        return answer;
      }
      void wire.send([how < 0.2 ? bytes.subarray(0, -5) : bytes]);
      await delay(when);
      if (how < 0.6) wire.socket.destroy();
      else wire.socket.resetAndDestroy();
      return "";
    }),
  );
  for (const [value, answer] of results.entries()) {
    if (value % 2 !== 0) continue;
    expect(answer.slice(0, 4)).toBe("200 ");
    expect(JSON.parse(answer.slice(4))).toMatchObject({ id: `c${value}`, outputs: [{ data: [value * 2] }] });
  }
  while ((await metric("nitrous_requests_in_flight")) > 0) await delay(10);
});
