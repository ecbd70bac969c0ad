export { generateRows } from "./rows.ts";
export { createSession, runSession } from "./session.ts";
export { datatypeOf, toOrt } from "./tensors.ts";
