import { ServeError } from "./errors.ts";
import { whenAborted } from "./when-aborted.ts";

/** One answer of an unordered iteration. */
export interface Indexed<Outputs> {
  /** Which input it is the answer to, from 0. */
  readonly index: number;
  readonly outputs: Outputs;
}

export interface Mapping<Input, Output> {
  readonly source: Iterable<Input> | AsyncIterable<Input>;
  readonly concurrency: number;
  readonly signal: AbortSignal | undefined;
  /** The signal is aborted when nobody wants the answer any more. */
  readonly work: (input: Input, signal: AbortSignal) => Promise<Output>;
}

interface Slot<Output> {
  readonly index: number;
  outcome: { readonly value: Output } | { readonly error: unknown } | undefined;
}

/**
 * Does the work for all inputs, `concurrency` at once. What is under way and what has not been taken together are never more than that, so a
 * slow reader slows the source down. The first failure of the work ends it, one of the source after the answers to what came before;
 * what is still under way is given up then, and the source closed.
 */
export async function* mapInOrder<Input, Output>(mapping: Mapping<Input, Output>): AsyncGenerator<Output, void, undefined> {
  for await (const { outputs } of mapEach(mapping, (slots) => slots[0])) yield outputs;
}

/** The same, each as soon as it is there. */
export function mapAsTheyCome<Input, Output>(mapping: Mapping<Input, Output>): AsyncGenerator<Indexed<Output>, void, undefined> {
  return mapEach(mapping, (slots) => slots.find(({ outcome }) => outcome !== undefined));
}

/** @param choose which of those under way is taken next, once it has its outcome */
async function* mapEach<Input, Output>(
  { source, concurrency, signal, work }: Mapping<Input, Output>,
  choose: (slots: ReadonlyArray<Slot<Output>>) => Slot<Output> | undefined,
): AsyncGenerator<Indexed<Output>, void, undefined> {
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    throw new ServeError("INVALID_ARGUMENT", `concurrency is ${concurrency}: expected a whole number from 1`);
  const slots: Array<Slot<Output>> = [];
  const inputs = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  const controller = new AbortController();
  let begun = 0;
  let reading = false;
  let ended: { readonly error?: unknown } | undefined;
  // One promise to wait for: racing all of them again and again would pile up listeners on those that take long.
  let wake = (): void => undefined;

  const stop = (): void => {
    controller.abort(signal?.reason);
    wake();
  };
  const begin = async (input: Input): Promise<void> => {
    const slot: Slot<Output> = { index: begun++, outcome: undefined };
    slots.push(slot);
    try {
      slot.outcome = { value: await work(input, controller.signal) };
    } catch (error) {
      slot.outcome = { error };
    }
    wake();
  };
  const read = async (): Promise<void> => {
    if (reading || ended !== undefined || slots.length >= concurrency) return;
    reading = true;
    try {
      while (ended === undefined && slots.length < concurrency && !controller.signal.aborted) {
        const { done, value } = await inputs.next();
        if (done === true) ended = {};
        else if (!controller.signal.aborted) void begin(value);
      }
    } catch (error) {
      ended = { error };
    }
    reading = false;
    wake();
  };

  const forget = whenAborted(signal, stop);
  if (signal?.aborted === true) stop();
  try {
    for (;;) {
      controller.signal.throwIfAborted();
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      void read();
      const slot = choose(slots);
      if (slot?.outcome !== undefined) {
        if ("error" in slot.outcome) throw slot.outcome.error;
        slots.splice(slots.indexOf(slot), 1);
        yield { index: slot.index, outputs: slot.outcome.value };
      } else if (ended !== undefined && slots.length === 0) {
        if ("error" in ended) throw ended.error;
        return;
      } else await changed;
    }
  } finally {
    forget();
    controller.abort(new ServeError("CANCELLED", "nobody takes the answers any more"));
    // A source that hangs must not keep its reader from leaving.
    if (ended === undefined) void Promise.resolve(inputs.return?.()).catch(() => undefined);
  }
}
