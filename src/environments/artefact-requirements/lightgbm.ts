import { open } from "node:fs/promises";
import type { ArtefactRequirements } from "./artefact-requirements.ts";

/** LightGBM writes the categories of a data frame's columns in the last line of a model. */
const TAIL_BYTES = 1 << 20;
const CATEGORIES = /pandas_categorical:\s*\[\s*\[/;

/** A model of categorical columns takes a data frame, which needs pandas. */
export async function requirementsOfLightgbm(file: string): Promise<ArtefactRequirements> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    return CATEGORIES.test(buffer.toString("latin1", 0, bytesRead)) ? { requirements: "pandas" } : {};
  } finally {
    await handle.close();
  }
}
