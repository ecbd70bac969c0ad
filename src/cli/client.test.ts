import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type Client, createClient, RefusedError } from "./client.ts";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function clientOf(answer: RequestListener): Promise<Client> {
  const started = createServer(answer);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
  return createClient(`http://127.0.0.1:${(started.address() as AddressInfo).port}`);
}

async function allLines(client: Client, signal = new AbortController().signal): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of client.lines("/x", {}, signal)) lines.push(line);
  return lines;
}

describe("createClient", () => {
  it("makes a Kubernetes Status an error with its causes", async () => {
    const causes = [{ field: "spec", message: "is missing", reason: "FieldValueInvalid" }];
    const status = { kind: "Status", reason: "Invalid", message: "not valid", details: { causes } };
    const client = await clientOf((_, response) => response.writeHead(422).end(JSON.stringify(status)));
    const error = await client.send("GET", "/x").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({
      status: 422,
      reason: "Invalid",
      message: "not valid",
      causes: [{ field: "spec", message: "is missing" }],
    });
  });

  it("says so when something else answers", async () => {
    let code = 404;
    const client = await clientOf((_, response) => response.writeHead(code).end("<html>"));
    await expect(client.send("GET", "/x")).rejects.toThrow(/has no control API: it is another server, or an older nitrous/);
    code = 502;
    await expect(client.send("GET", "/x")).rejects.toThrow(/answered 502: <html>/);
    code = 200;
    await expect(client.send("GET", "/x")).rejects.toThrow(/is not nitrous: its answer is not JSON/);
  });

  it("sends integers of any length as they are", async () => {
    const client = await clientOf(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += String(chunk);
      response.end(JSON.stringify(text));
    });
    expect(await client.send("POST", "/x", {}, { id: 2n ** 63n })).toBe('{"id":9223372036854775808}');
  });

  it("sends a key, and says where one comes from when it is asked for", async () => {
    const started = createServer((request, response) => {
      const status = { kind: "Status", reason: "Unauthorized", message: `got ${request.headers.authorization}` };
      response.writeHead(401).end(JSON.stringify(status));
    });
    server = started;
    await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
    const client = createClient(`http://127.0.0.1:${(started.address() as AddressInfo).port}`, "secret");
    await expect(client.send("GET", "/x")).rejects.toThrow(/^got Bearer secret\. 'nitrous keys create' .*NITROUS_API_KEY/);
  });

  it("reads lines until the end, whole ones however they come", async () => {
    const client = await clientOf((_, response) => {
      response.write("one\ntw");
      setImmediate(() => response.end("o\nthree"));
    });
    expect(await allLines(client)).toEqual(["one", "two", "three"]);
  });

  it("tells a server that has gone from a reader who has had enough", async () => {
    const gone = await clientOf((_, response) => {
      response.write("one\n");
      setImmediate(() => response.destroy());
    });
    await expect(allLines(gone)).rejects.toThrow("has gone");
    server?.close();
    const controller = new AbortController();
    const quiet = await clientOf((_, response) => {
      response.write("one\n");
      setImmediate(() => controller.abort());
    });
    expect((await allLines(quiet, controller.signal)).length).toBeLessThan(2);
  });
});
