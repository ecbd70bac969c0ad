import { type MessagePort, parentPort } from "node:worker_threads";
import { failureFrom } from "./failure.ts";
import type { Transfer } from "./packing.ts";
import { perform } from "./perform.ts";
import type { Answer, Task } from "./tasks.ts";
import type { Outcome } from "./thread-pool.ts";

const port = parentPort as MessagePort;

port.on("message", (task: Task) => {
  const transfer: Transfer = new Set();
  let outcome: Outcome<Answer>;
  try {
    outcome = { answer: perform(task, transfer) };
  } catch (error) {
    transfer.clear();
    outcome = { failure: failureFrom(error) };
  }
  port.postMessage(outcome, [...transfer]);
});
