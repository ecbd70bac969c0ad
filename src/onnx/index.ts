export { generateRows } from "./rows.ts";
export { createSession, initializeRuntime, runSession } from "./session.ts";
export { datatypeOf, toOrt } from "./tensors.ts";
