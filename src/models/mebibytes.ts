const MEBIBYTE = 1048576;

/** For people: whole mebibytes, and parts of the first one. */
export function mebibytes(bytes: number): string {
  const whole = bytes / MEBIBYTE;
  return `${whole < 1 ? whole.toFixed(2) : Math.round(whole)} MiB`;
}
