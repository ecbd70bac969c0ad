import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { stringify } from "lossless-json";

export interface FakeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
  readonly status?: unknown;
}

interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly causes?: readonly { readonly field: string; readonly message: string }[];
}

const PLURALS: Readonly<Record<string, string>> = {
  InferenceService: "inferenceservices",
  TrainedModel: "trainedmodels",
  ServingRuntime: "servingruntimes",
  ClusterServingRuntime: "clusterservingruntimes",
};
const EXPIRED = { kind: "Status", status: "Failure", code: 410, reason: "Expired", message: "too old resource version" };

/** Speaks the control API as far as the command line asks for it, from memory. What was asked is in `requests`. */
export class FakeControlApi {
  readonly requests: string[] = [];
  readonly logs = new Map<string, readonly string[]>();
  /** What became of the revisions of services, by their names. */
  readonly revisions = new Map<string, readonly unknown[]>();
  /** Core events, in the order of the list. */
  events: readonly unknown[] = [];
  /** Refuses a request of a method to a path. */
  refuse: (method: string, path: string) => Refusal | undefined = () => undefined;
  /** Called after each change that a client made. */
  onChange: (object: FakeObject) => void = () => undefined;
  /** Called when a client has begun to watch. */
  onWatch: () => void = () => undefined;
  /** Watches from older versions are refused. */
  oldest = 0;
  readonly #objects = new Map<string, FakeObject>();
  readonly #watches = new Set<{ readonly path: string; readonly response: ServerResponse }>();
  readonly #history: { readonly version: number; readonly path: string; readonly line: string }[] = [];
  readonly #server: Server;
  #version = 100;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<FakeControlApi> {
    const api = new FakeControlApi();
    await new Promise<void>((resolve) => api.#server.listen(0, "127.0.0.1", resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sets an object as it is, with its status, and tells who watches. */
  put(object: FakeObject): FakeObject {
    const path = pathOf(object);
    const type = this.#objects.has(path) ? "MODIFIED" : "ADDED";
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    this.#objects.set(path, stored);
    this.#publish(type, path, stored);
    return stored;
  }

  delete(object: FakeObject): void {
    this.#objects.delete(pathOf(object));
    this.#version++;
    this.#publish("DELETED", pathOf(object), object);
  }

  find(kind: string, name: string, namespace?: string): FakeObject | undefined {
    return [...this.#objects.values()].find(
      (each) => each.kind === kind && each.metadata.name === name && each.metadata.namespace === namespace,
    );
  }

  /** Ends all watches as a server that stops does. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? "GET";
    const url = new URL(request.url ?? "/", "http://server");
    this.requests.push(`${method} ${url.pathname}${url.search}`);
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const refusal = this.refuse(method, url.pathname);
    if (refusal !== undefined) return reply(response, refusal.code, { ...failure(refusal), details: { causes: refusal.causes ?? [] } });
    if (url.pathname.endsWith("/revisions"))
      return reply(response, 200, { revisions: this.revisions.get(url.pathname.split("/").at(-2) ?? "") ?? [] });
    if (url.pathname.endsWith("/logs")) return this.#answerLogs(url, response);
    if (url.pathname.startsWith("/api/v1")) return this.#answerEvents(url, response);
    if (url.searchParams.get("watch") === "1") return this.#watch(url, response);
    if (method === "POST") return this.#create(url, response, JSON.parse(text) as FakeObject);
    const present = this.#objects.get(url.pathname);
    if (method === "GET" && present === undefined && isCollection(url.pathname)) return this.#list(url, response);
    if (present === undefined) return reply(response, 404, failure({ code: 404, message: `${url.pathname} not found` }));
    if (method === "GET") return reply(response, 200, present);
    if (method === "DELETE") {
      if (!isDryRun(url)) this.delete(present);
      return reply(response, 200, { kind: "Status", status: "Success" });
    }
    this.#replace(url, response, present, JSON.parse(text) as FakeObject);
  }

  #create(url: URL, response: ServerResponse, body: FakeObject): void {
    const metadata = { ...body.metadata, uid: `uid-${body.metadata.name}`, generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" };
    this.#change(url, response, { ...body, metadata });
  }

  #replace(url: URL, response: ServerResponse, present: FakeObject, body: FakeObject): void {
    const { uid, generation, creationTimestamp } = present.metadata;
    const changed = JSON.stringify(body.spec) !== JSON.stringify(present.spec);
    const metadata = { ...body.metadata, uid, creationTimestamp, generation: Number(generation) + (changed ? 1 : 0) };
    this.#change(url, response, { ...body, metadata, status: present.status });
  }

  #change(url: URL, response: ServerResponse, object: FakeObject): void {
    if (isDryRun(url)) {
      reply(response, 200, object);
      return;
    }
    const stored = this.put(object);
    reply(response, 200, stored);
    this.onChange(stored);
  }

  #list({ pathname, searchParams }: URL, response: ServerResponse): void {
    const [label, value] = (searchParams.get("labelSelector") ?? "").split("=");
    const items = [...this.#objects]
      .filter(([path]) => belongs(path, pathname))
      .map(([, object]) => object)
      .filter(({ metadata }) => !label || (metadata.labels as Record<string, string> | undefined)?.[label] === value);
    reply(response, 200, { kind: "List", metadata: { resourceVersion: String(this.#version) }, items });
  }

  #watch({ pathname, searchParams }: URL, response: ServerResponse): void {
    const since = Number(searchParams.get("resourceVersion") ?? "0");
    if (since < this.oldest) {
      reply(response, 410, EXPIRED);
      return;
    }
    response.writeHead(200, { "Content-Type": "application/json" }).flushHeaders();
    for (const { version, path, line } of this.#history) if (version > since && belongs(path, pathname)) response.write(line);
    const watch = { path: pathname, response };
    this.#watches.add(watch);
    response.on("close", () => this.#watches.delete(watch));
    this.onWatch();
  }

  #answerEvents({ searchParams }: URL, response: ServerResponse): void {
    const name = searchParams.get("fieldSelector")?.replace("involvedObject.name=", "");
    const items = this.events.filter(
      (event) => name === undefined || (event as { involvedObject?: { name: string } }).involvedObject?.name === name,
    );
    if (searchParams.get("watch") !== "1") {
      reply(response, 200, { kind: "EventList", metadata: { resourceVersion: "1" }, items });
      return;
    }
    response.writeHead(200).flushHeaders();
    for (const object of items) response.write(`${JSON.stringify({ type: "ADDED", object })}\n`);
    this.onWatch();
    response.end();
  }

  #answerLogs({ pathname, searchParams }: URL, response: ServerResponse): void {
    const name = pathname.split("/").at(-2) ?? "";
    const lines = this.logs.get(name);
    if (lines === undefined) {
      reply(response, 404, failure({ code: 404, message: `models "${name}" not found` }));
      return;
    }
    const tail = searchParams.get("tailLines");
    response.writeHead(200, { "Content-Type": "text/plain" });
    response.end(
      lines
        .slice(tail === null ? 0 : -Number(tail))
        .map((line) => `${line}\n`)
        .join(""),
    );
  }

  #publish(type: string, path: string, object: FakeObject): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    this.#history.push({ version: this.#version, path, line });
    for (const watch of this.#watches) if (belongs(path, watch.path)) watch.response.write(line);
  }
}

function pathOf({ apiVersion, kind, metadata: { namespace, name } }: FakeObject): string {
  return `/apis/${apiVersion}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${PLURALS[kind]}/${name}`;
}

/** A resource's path below a collection's, also one of all namespaces. */
function belongs(path: string, collection: string): boolean {
  const parent = path.slice(0, path.lastIndexOf("/"));
  return parent === collection || parent.replace(/\/namespaces\/[^/]+/, "") === collection;
}

function isCollection(path: string): boolean {
  return Object.values(PLURALS).some((plural) => path.endsWith(`/${plural}`));
}

function isDryRun(url: URL): boolean {
  return url.searchParams.get("dryRun") === "All";
}

function failure({ code, message }: Refusal): object {
  return { kind: "Status", status: "Failure", code, reason: code === 404 ? "NotFound" : "Invalid", message };
}

function reply(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { "Content-Type": "application/json" }).end(stringify(body));
}
