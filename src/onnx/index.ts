export { readProviders } from "./providers.ts";
export { generateRows } from "./rows.ts";
export { createSession, initializeRuntime, openSession, runSession, type SessionSettings } from "./session.ts";
export { datatypeOf, toOrt } from "./tensors.ts";
