import type { Clock } from "../core/clock.ts";
import type { Connection, Outcome } from "./connection.ts";
import type { Recorder } from "./report.ts";
import type { Schedule } from "./schedule.ts";

export interface OpenLoopOptions {
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly open: () => Connection;
  /** Sent in turns; as many as there are times for a replay. */
  readonly requests: readonly Uint8Array[];
  readonly schedule: Schedule;
  /** Connections to begin with. */
  readonly idle: Connection[];
  /** Connections that may be open at once. What finds none free waits, and counts as late. */
  readonly maxConnections: number;
  /** Milliseconds after the last arrival in which answers are still waited for. */
  readonly drainMs: number;
  /** Each client hangs up at a moment of its own, within so many milliseconds from when it sent its request, unless it has its answer. */
  readonly hangUp?: { readonly withinMs: number; readonly random: () => number } | undefined;
}

/**
 * Sends requests when their time has come, whether or not earlier ones have been answered, and measures each from the moment at which it
 * should have arrived. So a server that stops for a second is seen by all who would have come in that second, and not by one.
 */
export async function openLoop(options: OpenLoopOptions): Promise<void> {
  const { clock, recorder, open, requests, schedule, idle, hangUp } = options;
  const busy = new Set<Connection>();
  /** Indices of arrivals that found no connection. */
  const waiting: number[] = [];
  const start = clock.now();
  let next = 0;
  let stopWaiting: (() => void) | undefined;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const dispatch = (index: number): void => {
    const connection = take();
    if (connection === undefined) {
      waiting.push(index);
      return;
    }
    busy.add(connection);
    const intendedAt = start + (schedule[index] as number);
    const sentAt = clock.now();
    recorder.sent(sentAt - intendedAt);
    const cancel = hangUp === undefined ? undefined : clock.after(hangUp.random() * hangUp.withinMs, () => connection.close("hung up"));
    connection.send(requests[index % requests.length] as Uint8Array, (outcome: Outcome) => {
      cancel?.();
      busy.delete(connection);
      if (connection.usable) idle.push(connection);
      recorder.ended(outcome, clock.now() - intendedAt);
      const first = waiting.shift();
      if (first !== undefined) dispatch(first);
      else if (next >= schedule.length && busy.size === 0) finish();
    });
  };
  /** The one that was used last, so that the rest may be closed for being idle. */
  const take = (): Connection | undefined => {
    for (let connection = idle.pop(); connection !== undefined; connection = idle.pop()) {
      if (connection.usable) return connection;
    }
    return busy.size < options.maxConnections ? open() : undefined;
  };
  const tick = (): void => {
    while (next < schedule.length && start + (schedule[next] as number) <= clock.now()) dispatch(next++);
    if (next < schedule.length) clock.after(start + (schedule[next] as number) - clock.now(), tick);
    else if (busy.size === 0) finish();
    else stopWaiting = clock.after(options.drainMs, finish);
  };
  tick();
  await finished;
  stopWaiting?.();
  for (const index of waiting.splice(0)) {
    const lateMs = clock.now() - start - (schedule[index] as number);
    recorder.sent(lateMs);
    recorder.ended("no answer", lateMs);
  }
  for (const connection of [...busy]) connection.close("no answer");
  for (const connection of idle) connection.close("hung up");
}
