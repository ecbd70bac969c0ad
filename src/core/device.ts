/** A GPU of this machine that hosts may use. */
export interface Device {
  /** As nvidia-smi counts, which is by place on the bus. */
  readonly index: number;
  /** Such as "GPU-5a1c…": what hosts are given, because frameworks may count otherwise. */
  readonly uuid: string;
  /** Such as "NVIDIA H200". */
  readonly name: string;
  /** All of its memory. */
  readonly totalBytes: number;
  /** Of that what was in use when it was found, by whomever. */
  readonly usedBytes: number;
}

/** What a model wants of devices. "cpu": none, and it sees none; "count": so many, whichever; "index": this one. */
export type DeviceWish =
  | { readonly kind: "cpu" }
  | { readonly kind: "count"; readonly count: number; readonly asked: string }
  | { readonly kind: "index"; readonly index: number; readonly asked: string };

/** "device 0 (NVIDIA H200)" */
export function deviceTitle({ index, name }: Pick<Device, "index" | "name">): string {
  return `device ${index} (${name})`;
}
