import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A stand-in for a model's own server, with the least that one can do: V1 predictions, a V2 answer, and OpenAI's events, of which each says
 * when it was written (nanoseconds of the machine's clock). Listens on the given port, and prints it.
 */
const PREDICTIONS = '{"predictions":[0.5]}';
const OUTPUTS = '{"outputs":[{"name":"y","datatype":"FP64","shape":[1],"data":[0.5]}]}';
const METADATA = '{"name":"m","platform":"stand-in","inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],"outputs":[]}';
const EVENTS = 50;
const EVENT_PAUSE_MS = 4;

const server = createServer((request, response) => {
  request.on("data", () => undefined);
  request.on("end", () => {
    const { url = "" } = request;
    if (url.endsWith("/chat/completions")) {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      let left = EVENTS;
      const timer = setInterval(() => {
        response.write(`data: ${process.hrtime.bigint()}\n\n`);
        if (--left > 0) return;
        clearInterval(timer);
        response.end("data: [DONE]\n\n");
      }, EVENT_PAUSE_MS);
      return;
    }
    const answer = url.endsWith(":predict") ? PREDICTIONS : url.endsWith("/infer") ? OUTPUTS : METADATA;
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(answer) });
    response.end(answer);
  });
});
server.keepAliveTimeout = 0;
const [host = "127.0.0.1", port = "0"] = process.argv.slice(2);
server.listen(Number(port), host, () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
