import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The least that a Node server can do for a JSON POST: read it, and answer what it was told to. Prints its port. */
const answer = process.argv[2] ?? "{}";
const server = createServer((request, response) => {
  request.on("data", () => undefined);
  request.on("end", () => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(answer) });
    response.end(answer);
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
