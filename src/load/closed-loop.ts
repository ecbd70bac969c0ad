import type { Clock } from "../core/clock.ts";
import type { Connection } from "./connection.ts";
import type { Recorder } from "./report.ts";

export interface ClosedLoopOptions {
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly open: () => Connection;
  /** Sent in turns. */
  readonly requests: readonly Uint8Array[];
  readonly connections: number;
  readonly seconds: number;
}

/** Milliseconds before a connection that has ended without an answer is opened again: a server that is gone is not to be hammered. */
const PAUSE_MS = 100;

/** Each connection sends its next request when it has the answer to the last. Settles when the time is over and each has its last one. */
export async function closedLoop({ clock, recorder, open, requests, connections, seconds }: ClosedLoopOptions): Promise<void> {
  const end = clock.now() + seconds * 1000;
  let next = 0;
  await Promise.all(Array.from({ length: connections }, () => new Promise<void>(drive)));

  function drive(finish: () => void): void {
    let connection = open();
    const send = (): void => {
      if (clock.now() >= end) {
        connection.close("hung up");
        finish();
        return;
      }
      if (!connection.usable) connection = open();
      const sentAt = clock.now();
      connection.send(requests[next++ % requests.length] as Uint8Array, (outcome) => {
        recorder.ended(outcome, clock.now() - sentAt);
        if (typeof outcome === "number") send();
        else clock.after(PAUSE_MS, send);
      });
    };
    send();
  }
}
