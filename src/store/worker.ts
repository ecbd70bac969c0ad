import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { ServeError } from "../core/errors.ts";
import type { Ask, Failure, Tell, WorkerStart } from "./messages.ts";
import { loadSqlite } from "./sqlite.ts";
import { openStateDirectory, type State, type StateChange } from "./state.ts";

const port = parentPort as MessagePort;
const { directory, self, sqlite } = workerData as WorkerStart;

try {
  const state = openStateDirectory(directory, await loadSqlite(sqlite), self);
  const { restored, epoch, measurements } = state;
  tell({ tell: "opened", restored, epoch, measurements });
  port.on("message", (first: Ask) => serve(state, first));
} catch (error) {
  tell({ tell: "refused", failure: failureFrom(ServeError.from(error, "UNAVAILABLE", String(error))) });
}

/** Everything that waits by now is one group. */
function serve(state: State, first: Ask): void {
  const group: (readonly StateChange[])[] = [];
  let closing = false;
  for (let ask: Ask | undefined = first; ask !== undefined; ask = receiveMessageOnPort(port)?.message) {
    if (ask.ask === "commit") group.push(...ask.commits);
    else closing = true;
  }
  if (group.length > 0) {
    const before = performance.now();
    const outcomes = state.commit(group).map((failure) => failure && failureFrom(failure));
    tell({ tell: "settled", outcomes, seconds: (performance.now() - before) / 1000 });
  }
  if (closing) {
    state.close();
    port.close();
  }
}

function failureFrom({ code, message }: ServeError): Failure {
  return { code, message };
}

function tell(message: Tell): void {
  port.postMessage(message);
}
