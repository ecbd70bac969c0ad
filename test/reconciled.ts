import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Reconciler, ResourceTable, ServiceEvents } from "../src/control/index.ts";
import { ServeError } from "../src/core/errors.ts";
import type { JsonObject } from "../src/core/inference.ts";
import type { ResourceKey } from "../src/core/resource.ts";
import { Registry } from "../src/models/index.ts";
import { readBuiltInRuntimes, validateDocument } from "../src/resources/index.ts";
import { FakeClock, settle } from "./fake-clock.ts";
import { FakeHosts } from "./fake-hosts.ts";
import { MemoryStore } from "./memory-store.ts";

const RUNTIMES = fileURLToPath(new URL("../runtimes", import.meta.url));

const PLACE = { kind: "InferenceService", namespace: "default" } as const;

export interface ServiceOptions {
  readonly minReplicas?: number;
  readonly runtime?: string;
  /** onnx when absent. */
  readonly format?: string;
  readonly args?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly canaryTrafficPercent?: number;
  /** Name, artefact and percent of each. */
  readonly canaries?: readonly (readonly [string, string, number])[];
  /** Of the predictor. */
  readonly predictorName?: string;
}

/** A server without processes, network and disk: the reconciler and everything that it works on. */
export class Reconciled {
  readonly clock = new FakeClock();
  readonly hosts: FakeHosts;
  readonly registry = new Registry();
  readonly store: MemoryStore;
  readonly table: ResourceTable;
  readonly happenings: ServiceEvents;
  readonly reconciler: Reconciler;
  /** What fetching an artefact throws, by its name, one after the other. */
  readonly unreachable: Map<string, Error[]>;
  /** Services whose last models have ended. */
  readonly gone: string[] = [];
  readonly #root: string;
  readonly #modelsPerHost: number;

  /** @param root of the artefacts, as `makeArtefacts` returns it */
  constructor(root: string, store = new MemoryStore(), unreachable: Iterable<[string, Error[]]> = [], modelsPerHost = 1) {
    this.#root = root;
    this.#modelsPerHost = modelsPerHost;
    this.store = store;
    this.unreachable = new Map(unreachable);
    this.hosts = new FakeHosts(this.clock, undefined, modelsPerHost);
    this.happenings = new ServiceEvents(this.hosts.events);
    this.table = new ResourceTable(
      store,
      (document, namespace) => validateDocument(document, namespace === undefined ? {} : { namespace }),
      (key) => this.reconciler.changed(key),
    );
    for (const runtime of readBuiltInRuntimes(RUNTIMES)) this.table.show("built-in", runtime);
    this.reconciler = new Reconciler(this.table, this.happenings, {
      registry: this.registry,
      manager: this.hosts.manager,
      clock: this.clock,
      events: this.hosts.events,
      source: {
        fetch: async ({ uri }) => {
          const artefact = basename(uri);
          const failure = this.unreachable.get(artefact)?.shift();
          if (failure !== undefined) throw failure;
          return { path: join(root, artefact) };
        },
      },
      createModel: this.hosts.createModel,
      baseDirectory: root,
      onGone: (_namespace, name) => this.gone.push(name),
      urlOf: (namespace, name) => `http://host/serving/${namespace}/${name}`,
    });
    for (const { resource } of store.restored) {
      const { name, namespace } = resource.metadata;
      this.reconciler.changed({ kind: resource.kind, namespace, name });
    }
  }

  /** The same state after a crash: whatever was in memory is gone. */
  restarted(unreachable: Iterable<[string, Error[]]> = []): Reconciled {
    const store = new MemoryStore([...this.store.contents.values()], this.store.epoch + 1);
    return new Reconciled(this.#root, store, unreachable, this.#modelsPerHost);
  }

  async apply(name: string, artefact: string, options: ServiceOptions = {}): Promise<void> {
    const key = keyOf(name);
    const document = serviceDocument(name, artefact, options);
    if (this.table.find(key) === undefined) await this.table.create(PLACE, document);
    else await this.table.replace(key, () => document);
  }

  async delete(name: string): Promise<void> {
    await this.table.delete(keyOf(name));
  }

  /** The file in which the model of an artefact is. */
  file(artefact: string): string {
    return join(this.#root, artefact, "model.onnx");
  }

  /** Everything happens that needs no time to pass, what is read from the disk too. */
  async rest(): Promise<void> {
    for (let quiet = 0; quiet < 12; quiet++) {
      await this.clock.turn();
      await settle();
      if (process.getActiveResourcesInfo().some((resource) => /^(FSReq|CloseReq)/.test(resource))) quiet = -1;
    }
  }

  async advance(milliseconds: number): Promise<void> {
    await this.clock.advance(milliseconds);
    await this.rest();
  }

  /** The artefact that answers a request now, or what its client hears. */
  answers(name: string): string {
    try {
      const model = this.registry.find({ namespace: "default", name });
      if (!model.answers) model.assertReady();
      return basename(dirname(model.spec.file));
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Percent of the requests for each artefact. */
  traffic(name: string): Record<string, number> {
    const revisions = this.registry.revisions({ namespace: "default", name });
    return Object.fromEntries(
      revisions.map(({ versions, percent }) => [basename(dirname(versions.at(-1)?.spec.file ?? "")), percent] as const),
    );
  }

  /** What became of the revisions. */
  outcomes(name: string): string[] {
    return this.table.history(keyOf(name)).map(({ generation, outcome }) => `${generation} ${outcome}`);
  }

  status(name: string): JsonObject {
    return this.table.get(keyOf(name)).status ?? {};
  }

  condition(name: string, type = "Ready"): JsonObject {
    const conditions = this.status(name).conditions as JsonObject[];
    return conditions.find((condition) => condition.type === type) as JsonObject;
  }

  /** Reasons of what happened to a service, oldest first. */
  told(name: string): string[] {
    return this.happenings.list().flatMap(({ about, reason }) => (about.name === name ? [reason] : []));
  }
}

/** Folders with a tiny ONNX file each. Returns their common parent, to be handed to `removeArtefacts`. */
export function makeArtefacts(names: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), "reconciled-"));
  for (const name of names) {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, "model.onnx"), name);
  }
  mkdirSync(join(root, "empty"));
  return root;
}

export function removeArtefacts(root: string): void {
  rmSync(root, { recursive: true });
}

export function keyOf(name: string): ResourceKey & { readonly namespace: string } {
  return { ...PLACE, name };
}

function serviceDocument(name: string, artefact: string, options: ServiceOptions = {}): JsonObject {
  const { minReplicas, runtime, format = "onnx", args, annotations, labels, canaryTrafficPercent, canaries, predictorName } = options;
  const modelOf = (folder: string): JsonObject => ({
    modelFormat: { name: format },
    storageUri: `file:///${folder}`,
    ...(args === undefined ? {} : { args: [...args] }),
    ...(runtime === undefined ? {} : { runtime }),
  });
  const predictor = {
    ...(minReplicas === undefined ? {} : { minReplicas }),
    ...(canaryTrafficPercent === undefined ? {} : { canaryTrafficPercent }),
    ...(predictorName === undefined ? {} : { name: predictorName }),
    model: modelOf(artefact),
  };
  const canary = canaries?.map(([canaryName, folder, trafficPercent]) => ({
    predictor: { name: canaryName, model: modelOf(folder) },
    trafficPercent,
  }));
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: {
      name,
      namespace: "default",
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(labels === undefined ? {} : { labels: { ...labels } }),
    },
    spec: { predictor, ...(canary === undefined ? {} : { canary }) },
  };
}

export function corrupt(): ServeError {
  return new ServeError("FAILED_PRECONDITION", "it is corrupt");
}

export function unavailable(): ServeError {
  return new ServeError("UNAVAILABLE", "the server is down");
}
