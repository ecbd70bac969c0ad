import { Socket } from "node:net";
import { Host } from "./host.ts";

const CONNECTION = 3;

// Ctrl-C on a terminal reaches the whole process group; the server decides what it means.
process.on("SIGINT", () => undefined);
const socket = new Socket({ fd: CONNECTION, readable: true, writable: true });
// Without a server nobody is left to answer.
socket.on("close", () => process.exit(0));
socket.on("error", () => process.exit(0));
new Host(socket).start();
