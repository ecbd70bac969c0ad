export { deviceBudget } from "./device-budget.ts";
export { createDeviceMeter } from "./device-meter.ts";
export { type FoundDevices, findDevices } from "./find-devices.ts";
export { type FoundNeuron, findNeuron } from "./neuron.ts";
export { type RunCommand, runCommand } from "./run-command.ts";
