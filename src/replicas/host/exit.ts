import type { Clock } from "../../core/clock.ts";
import type { HostEndpoint } from "../../core/executor.ts";
import type { HostConnection } from "./connection.ts";

/** Milliseconds after the end of the connection in which the process must be found to have ended. */
const GRACE_MS = 5_000;

/**
 * How a host ended, as in "its host …". Why it was ended comes before that it was killed. A process that the host left behind may
 * hold its output open, so that its end is never complete: nobody waits for that.
 */
export function exitOf(connection: HostConnection, endpoint: HostEndpoint, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    let cancel = (): void => undefined;
    let known = false;
    const settle = (how: string): void => {
      known = true;
      cancel();
      resolve(connection.cut ?? how);
    };
    void endpoint.exited.then(settle);
    void connection.lost.then(() => {
      if (!known) cancel = clock.after(GRACE_MS, () => settle("ended, and a process that it has left behind holds its output"));
    });
  });
}
