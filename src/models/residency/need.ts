import { ServeError } from "../../core/errors.ts";
import { mebibytes } from "../mebibytes.ts";
import { deviceAccount, devicesIn, MEMORY, MODELS } from "./accounts.ts";
import type { Amounts, Ledger } from "./ledger.ts";
import { choices, type DeviceNeed } from "./placement.ts";

/** What a load needs of the budgets. */
export interface Need {
  readonly amounts: Amounts;
  /** Parts of devices, whichever they are. */
  readonly device?: DeviceNeed;
  /** Where no device could ever hold it, it does without. */
  readonly deviceOptional?: boolean;
}

/** The amounts that satisfy a need, one set for each choice of devices; what is free now comes first. Empty when no device could hold it. */
export function amountChoices({ amounts, device, deviceOptional = false }: Need, ledger: Ledger): readonly Amounts[] {
  if (device === undefined) return [amounts];
  const indices = devicesIn(ledger.budgets);
  const free = new Map(indices.map((index) => [index, ledger.free(deviceAccount(index))]));
  const budgets = new Map(indices.map((index) => [index, ledger.budgets[deviceAccount(index)] ?? 0]));
  const sets = choices(device, free, budgets);
  if (sets.length === 0 && deviceOptional) return [amounts];
  return sets.map((set) => ({ ...amounts, ...Object.fromEntries(set.map((index) => [deviceAccount(index), device.bytes])) }));
}

/** It would not fit on an empty machine. */
export function fitsNever(need: Need, ledger: Ledger): boolean {
  return amountChoices(need, ledger).every((amounts) => Object.keys(ledger.excess(amounts)).length > 0);
}

/** What a load needs and has not, with the arithmetic. `others` says what keeps it from being made free. */
export function doesNotFit(ledger: Ledger, need: Need, others: string): ServeError {
  const [account] = Object.keys(ledger.lacking(need.amounts));
  if (account === undefined && need.device !== undefined) return refused(`${onDevices(ledger, need.device)}${others}; ${DEVICE_HINT}`);
  if (account === MODELS)
    return refused(
      `${countOf(ledger.reserved(MODELS))} loaded, as many as --max-concurrent-models allows${others}; raise it, or unload one`,
    );
  const name = account ?? MEMORY;
  const budget = ledger.budgets[name] ?? 0;
  const of = name === MEMORY ? `the ${mebibytes(budget)} for hosts` : `the ${mebibytes(budget)} for the ${name}`;
  const setting = name === MEMORY ? "--memory-budget" : "--namespace-memory";
  const free = `${mebibytes(Math.max(0, ledger.free(name)))} of ${of} are free`;
  return refused(`it needs about ${mebibytes(need.amounts[name] ?? 0)}, and ${free}${others}; stop other models or raise ${setting}`);
}

const DEVICE_HINT = 'stop other models, raise --device-memory-budget, or have it run without a GPU with nitrous/device: "cpu"';

/** "it needs about 3.1 GiB on a GPU; device 0 (NVIDIA H200) has 1.2 GiB of 125.2 GiB free" */
function onDevices(ledger: Ledger, { count, bytes, only }: DeviceNeed): string {
  const may = devicesIn(ledger.budgets).filter((index) => only === undefined || only.includes(index));
  const there = may.map((index) => {
    const account = deviceAccount(index);
    const free = gibibytes(Math.max(0, ledger.free(account)));
    return `${ledger.title(account)} has ${free} of ${gibibytes(ledger.budgets[account] ?? 0)} free`;
  });
  return `it needs about ${gibibytes(bytes)} on ${count === 1 ? "a GPU" : `each of ${count} GPUs`}; ${there.join(", ")}`;
}

function refused(message: string): ServeError {
  return new ServeError("RESOURCE_EXHAUSTED", message, { retryAfter: 1 });
}

/** For people. */
function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function countOf(models: number): string {
  return models === 1 ? "one model is" : `${models} models are`;
}
