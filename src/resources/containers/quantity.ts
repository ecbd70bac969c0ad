import type { JsonValue } from "../../core/inference.ts";

const QUANTITY = /^\+?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE])?$/;

const DECIMAL: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
};
const BINARY = "KMGTPE";

/** The number that Kubernetes' notation stands for, such as 0.5 for `500m` and 2147483648 for `2Gi`; undefined for what is none. */
export function amountOf(quantity: JsonValue | undefined): number | undefined {
  const [, number, suffix = ""] = QUANTITY.exec(String(quantity ?? "").trim()) ?? [];
  if (number === undefined) return undefined;
  if (/^[eE][+-]?\d/.test(suffix)) return Number(`${number}${suffix}`);
  if (suffix.endsWith("i")) return Number(number) * 1024 ** (BINARY.indexOf(suffix.charAt(0)) + 1);
  return Number(number) * (DECIMAL[suffix] ?? 1);
}
