import { PassThrough } from "node:stream";
import type { HostEndpoint } from "./executor.ts";

/** Of a model that no process was started for: nothing ends when it does. Its pid is this process's. */
export function processlessEndpoint(name: string): HostEndpoint {
  let end = (_how: string): void => undefined;
  const exited = new Promise<string>((resolve) => {
    end = resolve;
  });
  return {
    name,
    pid: process.pid,
    connection: new PassThrough(),
    exited,
    logTail: () => [],
    stop() {
      end("was asked to end");
      return Promise.resolve();
    },
  };
}
