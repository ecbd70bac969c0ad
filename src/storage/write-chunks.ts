import { open } from "node:fs/promises";

export interface WriteOptions {
  readonly flags: "wx" | "r+";
  readonly mode?: number;
  /** Where the first byte goes; 0 unless told. */
  readonly start?: number;
  readonly signal: AbortSignal;
  /** Called before a chunk is written; what it throws ends the writing. */
  onChunk?(chunk: Uint8Array): void;
}

/**
 * Writes chunks to a file as they come, one after the other, so that nothing is being written any more when this settles.
 * After success the file is on disk; after a failure what was written so far is kept.
 */
export async function writeChunks(path: string, chunks: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void> {
  const file = await open(path, options.flags, options.mode);
  try {
    let position = options.start ?? 0;
    for await (const chunk of chunks) {
      options.signal.throwIfAborted();
      options.onChunk?.(chunk);
      for (let written = 0; written < chunk.byteLength; ) {
        const { bytesWritten } = await file.write(chunk, written, chunk.byteLength - written, position);
        written += bytesWritten;
        position += bytesWritten;
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
