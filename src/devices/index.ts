export { createDeviceMeter, type DeviceMeter } from "./device-meter.ts";
export { type FoundDevices, findDevices } from "./find-devices.ts";
export { type RunCommand, runCommand } from "./run-command.ts";
