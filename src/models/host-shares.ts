import type { Running } from "./member.ts";
import { bytesAccounts, deviceAccount } from "./residency/index.ts";

/** Resident bytes of a process, 0 when nobody can tell. */
export type Measure = (pid: number) => Promise<number>;
/** Bytes that a process holds of devices, by their numbers; without those of which nobody can tell. */
export type MeasureDevices = (pid: number) => Promise<ReadonlyMap<number, number>>;

/** What runs in each host process, and what each part of it uses; several models may share one. */
export class HostShares {
  readonly #running = new Map<number, Set<Running>>();
  readonly #measure: Measure;
  readonly #measureDevices: MeasureDevices;

  constructor(measure: Measure, measureDevices: MeasureDevices = () => Promise.resolve(new Map())) {
    this.#measure = measure;
    this.#measureDevices = measureDevices;
  }

  get pids(): Iterable<number> {
    return this.#running.keys();
  }

  /** The models in a host. */
  sharersOf(pid: number): readonly Running[] {
    return [...(this.#running.get(pid) ?? [])];
  }

  add(running: Running): void {
    const { pid } = running.loaded.endpoint;
    running.model.replicas.hosts.add(running.host);
    this.#running.set(pid, (this.#running.get(pid) ?? new Set()).add(running));
  }

  /** Replaces estimates by what the host really uses, in equal parts for the models in it. */
  async measure(pid: number): Promise<number> {
    const onDevice = [...(this.#running.get(pid) ?? [])].some(({ host }) => host.devices.length > 0);
    const [bytes, onDevices] = await Promise.all([this.#measure(pid), onDevice ? this.#measureDevices(pid) : new Map<number, number>()]);
    const sharers = this.#running.get(pid);
    if (sharers === undefined) return bytes;
    // Those on devices have hosts of their own.
    for (const { host, reservation } of sharers) {
      for (const [index, held] of onDevices) reservation.resize(deviceAccount(index), held);
      host.deviceBytes = Math.max(host.deviceBytes, ...onDevices.values());
    }
    if (bytes === 0) return bytes;
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
