import { ResourceTable } from "../src/control/resource-table.ts";
import type { CreatedKey, Key, Keys, KeyWish } from "../src/core/access.ts";
import { Broadcast } from "../src/core/broadcast.ts";
import type { Clock } from "../src/core/clock.ts";
import { ServeError } from "../src/core/errors.ts";
import { createEvents } from "../src/core/events.ts";
import type { JsonObject } from "../src/core/inference.ts";
import { DEFAULT_NAMESPACE } from "../src/core/model.ts";
import type { Activity } from "../src/core/planes.ts";
import { InvalidResourceError, type ResourceKind, type ServiceEvent } from "../src/core/resource.ts";
import type { ResourceStore } from "../src/core/resource-store.ts";
import { createKubeApiRoutes } from "../src/protocols/kube-api/index.ts";
import { refusedRequest, unknownPath } from "../src/protocols/shared/index.ts";
import { readDocument, type ValidDocument } from "../src/resources/index.ts";
import { createHttpServer, type HttpServer } from "../src/server/index.ts";

export interface KubeApiServer {
  readonly url: string;
  readonly table: ResourceTable;
  readonly activity: FakeActivity;
  readonly server: HttpServer;
  /** Failures that are bugs. */
  readonly faults: Error[];
}

/** The control API on a port of its own, over the real table of resources with a store in memory. */
export async function startKubeApi(clock: Clock, wallClock: () => number = Date.now): Promise<KubeApiServer> {
  const store: ResourceStore = { restored: [], epoch: 1, commit: () => Promise.resolve(), close: () => Promise.resolve() };
  const table = new ResourceTable(store, validate, () => undefined);
  const activity = new FakeActivity();
  const faults: Error[] = [];
  const server = createHttpServer({
    routes: createKubeApiRoutes(
      { resources: table, activity },
      { version: "0.1.0", clock, wallClock, readYaml: (text) => readDocument(text, "the body"), keys: new FakeKeys() },
    ),
    guard: () => "",
    clock,
    events: createEvents(),
    maxBodyBytes: 64 * 1024 * 1024,
    requestTimeoutMs: 1e9,
    refusal: refusedRequest,
    unknown: unknownPath,
    onFault: (error) => faults.push(error),
  });
  const port = await server.listen(0, "127.0.0.1");
  return { url: `http://127.0.0.1:${port}`, table, activity, server, faults };
}

class FakeActivity implements Activity {
  readonly lines = ["one", "two", "three"];
  readonly #past: ServiceEvent[] = [];
  readonly #events = new Broadcast<ServiceEvent>();
  readonly #logs = new Broadcast<string>();

  happen(event: ServiceEvent): void {
    this.#past.push(event);
    this.#events.publish(event);
  }

  print(line: string): void {
    this.lines.push(line);
    this.#logs.publish(line);
  }

  events(namespace?: string): readonly ServiceEvent[] {
    return this.#past.filter(({ about }) => namespace === undefined || about.namespace === namespace);
  }

  watchEvents(_namespace: string | undefined, signal: AbortSignal): AsyncIterable<ServiceEvent> {
    return this.#events.subscribe(signal);
  }

  logs(_namespace: string, name: string): readonly string[] {
    if (name !== "iris") throw new ServeError("NOT_FOUND", `there is no model ${name}`);
    return this.lines;
  }

  followLogs(_namespace: string, _name: string, signal: AbortSignal): AsyncIterable<string> {
    return this.#logs.subscribe(signal);
  }
}

class FakeKeys implements Keys {
  #keys: readonly Key[] = [];

  list(): Promise<readonly Key[]> {
    return Promise.resolve(this.#keys);
  }

  create({ name }: KeyWish): Promise<CreatedKey> {
    const key: Key = { name, scopes: ["read"], models: [], created: "2026-01-01T00:00:00.000Z" };
    this.#keys = [...this.#keys, key];
    return Promise.resolve({ key, token: `token of ${name}` });
  }

  revoke(name: string): Promise<void> {
    if (!this.#keys.some((key) => key.name === name)) return Promise.reject(new ServeError("NOT_FOUND", `there is no key ${name}`));
    this.#keys = this.#keys.filter((key) => key.name !== name);
    return Promise.resolve();
  }
}

/** Knows just enough: what makes a resource valid is tested where it is decided. */
function validate(document: unknown): ValidDocument {
  const { apiVersion, kind, metadata, spec, ...unknown } = document as {
    apiVersion: string;
    kind: ResourceKind;
    metadata: ValidDocument["metadata"];
    spec?: JsonObject;
  };
  if (spec === undefined) {
    throw new InvalidResourceError([
      { path: "spec", message: "it is not there; say what to serve" },
      { path: "metadata", message: "it is lonely" },
    ]);
  }
  for (const name of Object.keys(unknown)) throw new InvalidResourceError([{ path: name, message: "it is unknown" }]);
  const namespace = kind === "ClusterServingRuntime" ? {} : { namespace: metadata.namespace ?? DEFAULT_NAMESPACE };
  return { apiVersion, kind, metadata: { ...metadata, ...namespace }, spec };
}
