import { text } from "node:stream/consumers";
import { type LoadOrder, runLoad } from "../src/load/index.ts";

/** Puts load on a server from a process of its own: an order on standard input, its report on standard output. See drive.ts. */
const order = JSON.parse(await text(process.stdin)) as LoadOrder;
process.stdout.write(JSON.stringify(await runLoad(order)));
// Connections whose other side does not go away keep nobody.
process.exit(0);
