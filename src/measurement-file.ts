import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Clock } from "./core/clock.ts";
import { Measurements } from "./models/index.ts";

const FILE = "measurements.json";
/** Milliseconds: measurements come in bursts, and none is worth a write of its own. */
const WRITE_AFTER_MS = 5_000;

const schema = z.array(z.tuple([z.string(), z.object({ bytes: z.number().nonnegative(), loadMs: z.number().nonnegative() })]));

export interface KeptMeasurements {
  readonly measurements: Measurements;
  /** Writes what has not been written. */
  close(): Promise<void>;
}

/** What loads measured, kept in a folder between runs of the server. A file that cannot be read or written only costs guesses. */
export function openMeasurements(directory: string, clock: Clock): KeptMeasurements {
  let cancel: (() => void) | undefined;
  let written = Promise.resolve();
  const measurements = new Measurements(read(join(directory, FILE)), () => {
    cancel ??= clock.after(WRITE_AFTER_MS, write);
  });
  function write(): void {
    cancel = undefined;
    const path = join(directory, FILE);
    const text = JSON.stringify(measurements.entries());
    written = written.then(() => replace(path, text)).catch(() => undefined);
  }
  return {
    measurements,
    async close() {
      if (cancel !== undefined) {
        cancel();
        write();
      }
      await written;
    },
  };
}

function read(path: string): z.infer<typeof schema> {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return [];
  }
}

/** Written aside and renamed, so that nobody ever reads half of it. */
async function replace(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  await writeFile(aside, text);
  await rename(aside, path);
}
