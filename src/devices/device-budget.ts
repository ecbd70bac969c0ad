import type { Device } from "../core/device.ts";

/** Of what is free when the server starts: frameworks allocate in large pieces. */
const SHARE = 0.9;

/** Bytes of a device's memory that hosts may use together. @param given by the number of the device, where somebody has said it */
export function deviceBudget({ index, totalBytes, usedBytes }: Device, given: Readonly<Record<string, number>>): number {
  return given[index] ?? Math.round(Math.max(0, totalBytes - usedBytes) * SHARE);
}
