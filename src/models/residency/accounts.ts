import { ServeError } from "../../core/errors.ts";
import type { Amounts, Ledger } from "./ledger.ts";

/** The accounts of the ledger. Bytes that all hosts may use together, and models that may be loaded at once. */
export const MEMORY = "memory";
export const MODELS = "models";

/** Bytes that the hosts of a namespace's models may use. */
export function memoryOfNamespace(namespace: string): string {
  return `namespace ${namespace}`;
}

/** The accounts that hold bytes of a model's host. */
export function bytesAccounts(amounts: Amounts): string[] {
  return Object.keys(amounts).filter((account) => account !== MODELS);
}

const MEBIBYTE = 1048576;

/** What a load needs and has not, with the arithmetic. `others` says what keeps it from being made free. */
export function doesNotFit(ledger: Ledger, amounts: Amounts, others: string): ServeError {
  const [account = MEMORY] = Object.keys(ledger.lacking(amounts));
  const budget = ledger.budgets[account] ?? 0;
  const free = Math.max(0, ledger.free(account));
  if (account === MODELS)
    return refused(
      `${ledger.reserved(MODELS)} models are loaded, as many as --max-concurrent-models allows${others}; raise it, or unload one`,
    );
  const need = mebibytes(amounts[account] ?? 0);
  const of = account === MEMORY ? `the ${mebibytes(budget)} for hosts` : `the ${mebibytes(budget)} for the ${account}`;
  const setting = account === MEMORY ? "--memory-budget" : "--namespace-memory";
  return refused(`it needs about ${need}, and ${mebibytes(free)} of ${of} are free${others}; stop other models or raise ${setting}`);
}

function refused(message: string): ServeError {
  return new ServeError("RESOURCE_EXHAUSTED", message, { retryAfter: 1 });
}

/** For people. */
export function mebibytes(bytes: number): string {
  return bytes < MEBIBYTE ? "less than 1 MiB" : `${Math.round(bytes / MEBIBYTE)} MiB`;
}
