import { writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { text } from "node:stream/consumers";
import { type LoadOrder, runLoad } from "../src/load/index.ts";

/** Puts load on a server from a process of its own: an order on standard input, its report on standard output. See drive.ts. */
const order = JSON.parse(await text(process.stdin)) as LoadOrder;
if (order.load.kind !== "closed") hurry();
process.stdout.write(JSON.stringify(await runLoad(order)));
// Connections whose other side does not go away keep nobody.
process.exit(0);

/** A client elsewhere would not wait for the processors that it puts load on. Not every user may have that. */
function hurry(): void {
  try {
    setPriority(-10);
    writeFileSync("/proc/self/autogroup", "-10");
  } catch {
    // Then a run may be void.
  }
}
