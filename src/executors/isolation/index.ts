export { type Confinement, confined } from "./confined.ts";
export { decideIsolation, type IsolationMode } from "./decide.ts";
export { type Mechanisms, probeMechanisms, strongest } from "./mechanisms.ts";
export { modelView } from "./view.ts";
