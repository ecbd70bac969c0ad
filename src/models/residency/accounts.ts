import type { Amounts } from "./ledger.ts";

/** The accounts of the ledger. Bytes that all hosts may use together, and models that may be loaded at once. */
export const MEMORY = "memory";
export const MODELS = "models";

/** Bytes that the hosts of a namespace's models may use. */
export function memoryOfNamespace(namespace: string): string {
  return `namespace ${namespace}`;
}

/** Bytes of a device's memory that hosts may use together. */
export function deviceAccount(index: number): string {
  return `device ${index}`;
}

/** The devices that something takes a part of, in the order of their numbers. */
export function devicesIn(amounts: Amounts): number[] {
  const indices = Object.keys(amounts).flatMap((account) => /^device (\d+)$/.exec(account)?.[1] ?? []);
  return indices.map(Number).sort((one, other) => one - other);
}

/** The accounts that hold bytes of a model's host, in the memory of the machine. */
export function bytesAccounts(amounts: Amounts): string[] {
  return Object.keys(amounts).filter((account) => account === MEMORY || account.startsWith("namespace "));
}
