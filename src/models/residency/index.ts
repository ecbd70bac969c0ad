export { bytesAccounts, doesNotFit, MEMORY, MODELS, memoryOfNamespace } from "./accounts.ts";
export { withIdleTime } from "./idle-time.ts";
export { type Amounts, Ledger, type Reservation } from "./ledger.ts";
export { Measurements } from "./measurements.ts";
export { EVICTION_POLICIES, type EvictionPolicyName } from "./policies.ts";
export { type Occupant, Room } from "./room.ts";
export { Usage } from "./usage.ts";
export { chooseVictims } from "./victims.ts";
