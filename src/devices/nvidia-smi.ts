import type { Device } from "../core/device.ts";
import type { RunCommand } from "./run-command.ts";

const MEBIBYTE = 1048576;
const FORMAT = "--format=csv,noheader,nounits";

/** What one process holds of one device. */
export interface ProcessUse {
  readonly pid: number;
  readonly uuid: string;
  readonly bytes: number;
}

/** All devices that the driver shows, by `nvidia-smi --query-gpu` (its fields: `nvidia-smi --help-query-gpu`). @throws as RunCommand */
export async function queryDevices(run: RunCommand): Promise<Device[]> {
  const text = await run("nvidia-smi", ["--query-gpu=index,uuid,name,memory.total,memory.used", FORMAT]);
  return linesOf(text).flatMap(([index, uuid, name, total, used]): Device[] => {
    const [number, totalBytes] = [Number(index), mebibytes(total)];
    if (uuid === undefined || name === undefined || !Number.isInteger(number) || totalBytes === undefined) return [];
    return [{ index: number, uuid, name, totalBytes, usedBytes: mebibytes(used) ?? 0 }];
  });
}

/** What processes hold of devices now. One whose use the driver does not tell, as in some virtual machines, is left out. @throws as RunCommand */
export async function queryProcesses(run: RunCommand): Promise<ProcessUse[]> {
  const text = await run("nvidia-smi", ["--query-compute-apps=pid,gpu_uuid,used_memory", FORMAT]);
  return linesOf(text).flatMap(([pid, uuid, used]): ProcessUse[] => {
    const bytes = mebibytes(used);
    if (uuid === undefined || bytes === undefined || !/^\d+$/.test(pid ?? "")) return [];
    return [{ pid: Number(pid), uuid, bytes }];
  });
}

function linesOf(text: string): string[][] {
  return text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.split(",").map((field) => field.trim())]));
}

/** Undefined for "[N/A]" and "[Not Supported]". */
function mebibytes(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) * MEBIBYTE : undefined;
}
