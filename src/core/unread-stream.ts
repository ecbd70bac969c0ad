/** Ends a stream that nobody has begun to read, of a request that has been given up: without a beginning nobody would hear of its end. */
export async function endUnread(stream: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const _piece of stream) break;
  } catch {
    // Why it was given up is told by whoever did that.
  }
}
