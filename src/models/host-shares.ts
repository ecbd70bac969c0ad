import type { Running } from "./member.ts";
import { bytesAccounts } from "./residency/index.ts";

/** What runs in each host process, and what each part of it uses; several models may share one. */
export class HostShares {
  readonly #running = new Map<number, Set<Running>>();
  readonly #measure: (pid: number) => Promise<number>;

  /** @param measure resident bytes of a process, 0 when nobody can tell */
  constructor(measure: (pid: number) => Promise<number>) {
    this.#measure = measure;
  }

  get pids(): Iterable<number> {
    return this.#running.keys();
  }

  add(running: Running): void {
    const { pid } = running.loaded.endpoint;
    running.model.replicas.hosts.add(running.host);
    this.#running.set(pid, (this.#running.get(pid) ?? new Set()).add(running));
  }

  /** Replaces estimates by what the host really uses, in equal parts for the models in it. */
  async measure(pid: number): Promise<number> {
    const bytes = await this.#measure(pid);
    const sharers = this.#running.get(pid);
    if (bytes === 0 || sharers === undefined) return bytes;
    const share = Math.round(bytes / sharers.size);
    for (const { host, reservation } of sharers) {
      for (const account of bytesAccounts(reservation.amounts)) reservation.resize(account, share);
      host.bytes = share;
    }
    return bytes;
  }

  /** `how` goes on after "its host". */
  end(pid: number, how: string): void {
    for (const { loaded } of this.#running.get(pid) ?? []) loaded.replica.destroy(how);
  }

  /** Gives back what a model held; returns whether its host is empty now. Once for each. */
  release(running: Running): boolean {
    const { pid } = running.loaded.endpoint;
    const sharers = this.#running.get(pid);
    if (sharers?.delete(running) !== true) return false;
    running.reservation.release();
    running.model.replicas.hosts.delete(running.host);
    if (sharers.size > 0) {
      void this.measure(pid);
      return false;
    }
    this.#running.delete(pid);
    return true;
  }
}
