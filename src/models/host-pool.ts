import type { HostEndpoint } from "../core/executor.ts";
import type { Connected, LoaderSteps, PreparedHost } from "./loader-steps.ts";

/** A host with room for one more model, and the connection to it. */
export interface OpenHost {
  /** Its `stop` gives the place back; the process ends with the last place. */
  readonly endpoint: HostEndpoint;
  readonly connected: Promise<Connected>;
}

interface SharedHost extends OpenHost {
  places: number;
}

/** Gives each model a host: one of its own, or a place in one that models of the same kind share. */
export class HostPool {
  readonly #steps: Pick<LoaderSteps, "start" | "connect">;
  readonly #shared = new Map<string, Set<SharedHost>>();

  constructor(steps: Pick<LoaderSteps, "start" | "connect">) {
    this.#steps = steps;
  }

  open({ host, sharing }: PreparedHost, signal: AbortSignal): OpenHost {
    if (sharing === undefined) {
      const endpoint = this.#steps.start(host);
      return { endpoint, connected: this.#steps.connect(endpoint, signal) };
    }
    const hosts = this.#shared.get(sharing.key) ?? new Set();
    this.#shared.set(sharing.key, hosts);
    let shared = [...hosts].find(({ places }) => places < sharing.places);
    if (shared === undefined) {
      const endpoint = this.#steps.start(host);
      // Not this model's signal: others will wait for the same connection.
      const opened: SharedHost = { endpoint, connected: this.#steps.connect(endpoint, new AbortController().signal), places: 0 };
      hosts.add(opened);
      opened.connected.catch(() => hosts.delete(opened));
      void endpoint.exited.then(() => hosts.delete(opened));
      shared = opened;
    }
    return { endpoint: this.#place(shared, hosts), connected: shared.connected };
  }

  #place(shared: SharedHost, hosts: Set<SharedHost>): HostEndpoint {
    shared.places++;
    let given = true;
    const { name, connection, exited } = shared.endpoint;
    return {
      name,
      get pid() {
        return shared.endpoint.pid;
      },
      connection,
      exited,
      logTail: () => shared.endpoint.logTail(),
      async stop(graceMs) {
        if (!given) return;
        given = false;
        shared.places--;
        if (shared.places > 0) return;
        hosts.delete(shared);
        await shared.endpoint.stop(graceMs);
      },
    };
  }
}
