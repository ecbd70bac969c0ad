import { readFileSync } from "node:fs";

export interface ListeningPort {
  /** As text: 0.0.0.0, 127.0.0.1, :: and the like. */
  readonly address: string;
  readonly port: number;
}

const LISTEN = "0A";

/** TCP ports that somebody listens on in the network namespace of a process; empty where the system does not tell. */
export function listeningPorts(pid: number): ListeningPort[] {
  return ["tcp", "tcp6"].flatMap((table) => parsePorts(readOptional(`/proc/${pid}/net/${table}`)));
}

/** Reads the kernel's table; see proc_net_tcp in its documentation. */
export function parsePorts(table: string): ListeningPort[] {
  return table.split("\n").flatMap((line) => {
    const [, address, port, state] = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? [];
    return address !== undefined && port !== undefined && state === LISTEN
      ? [{ address: addressOf(address), port: Number.parseInt(port, 16) }]
      : [];
  });
}

/** The kernel writes each four bytes as a number of this machine, whose first byte is the last in what it writes. */
function addressOf(text: string): string {
  const bytes = [...text.matchAll(/.{8}/g)].flatMap(([word]) => [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16)));
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.every((byte) => byte === 0)) return "::";
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return "::1";
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (isMapped) return bytes.slice(12).join(".");
  const words = Array.from({ length: 8 }, (_, index) => (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16));
  return words.join(":");
}

function readOptional(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
