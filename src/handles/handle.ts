import { type Indexed, mapAsTheyCome, mapInOrder } from "../core/map.ts";
import type { Change, HandleAnswer, HandleCall, HandleDoor, HandleTarget } from "./door.ts";
import type { HandleFuture, HandleStatus, MapOptions, MethodHandle, ModelHandle, RunOptions } from "./model-handle.ts";
import type { InputValues, OutputValues } from "./values.ts";

const DEFAULT_CONCURRENCY = 8;

/** A handle for a model behind a door. It is not asked for before the first call. */
export function createHandle<Inputs = InputValues, Outputs = OutputValues>(
  door: HandleDoor,
  target: HandleTarget,
): ModelHandle<Inputs, Outputs> {
  return new Handle<Inputs, Outputs>(new Held(door, target), undefined);
}

/** A model, and from the first answer on the one version of it that all calls are for. */
class Held {
  readonly door: HandleDoor;
  readonly target: HandleTarget;
  #modelId: string | undefined;

  constructor(door: HandleDoor, target: HandleTarget) {
    this.door = door;
    this.target = target;
  }

  call(method: string | undefined, inputs: unknown, { signal, ...options }: RunOptions): HandleCall {
    return { ...options, signal, target: this.target, method, modelId: this.#modelId, inputs };
  }

  async outputOf<Output>(answer: Promise<HandleAnswer<Output>>): Promise<Output> {
    const { modelId, output } = await answer;
    this.#modelId ??= modelId;
    return output;
  }

  async status(): Promise<HandleStatus> {
    const status = await this.door.status(this.target, this.#modelId);
    this.#modelId ??= status.id;
    return status;
  }

  /** Whatever is changed is what the handle is for. */
  async change(change: Change): Promise<HandleStatus> {
    return await this.#changed((target) => this.door.change(change, target));
  }

  async scale(replicas: number | "auto"): Promise<HandleStatus> {
    return await this.#changed((target) => this.door.scale(target, replicas));
  }

  async #changed(work: (target: HandleTarget) => Promise<void>): Promise<HandleStatus> {
    const { version, revision } = await this.status();
    await work({ ...this.target, version, revision });
    return await this.status();
  }
}

class Method<Inputs, Outputs> implements MethodHandle<Inputs, Outputs> {
  protected readonly held: Held;
  readonly #method: string | undefined;

  constructor(held: Held, method: string | undefined) {
    this.held = held;
    this.#method = method;
  }

  async run(inputs: Inputs, options: RunOptions = {}): Promise<Outputs> {
    const { held } = this;
    return (await held.outputOf(held.door.run(held.call(this.#method, inputs, options)))) as Outputs;
  }

  async *stream(inputs: Inputs, options: RunOptions = {}): AsyncGenerator<Outputs, void, undefined> {
    const { held } = this;
    yield* (await held.outputOf(held.door.stream(held.call(this.#method, inputs, options)))) as AsyncIterable<Outputs>;
  }

  async submit(inputs: Inputs, options: RunOptions = {}): Promise<HandleFuture<Outputs>> {
    const { held } = this;
    return (await held.outputOf(held.door.submit(held.call(this.#method, inputs, options)))) as HandleFuture<Outputs>;
  }

  map(
    source: Iterable<Inputs> | AsyncIterable<Inputs>,
    options?: MapOptions & { readonly ordered?: true },
  ): AsyncGenerator<Outputs, void, undefined>;
  map(
    source: Iterable<Inputs> | AsyncIterable<Inputs>,
    options: MapOptions & { readonly ordered: false },
  ): AsyncGenerator<Indexed<Outputs>, void, undefined>;
  map(
    source: Iterable<Inputs> | AsyncIterable<Inputs>,
    { concurrency = DEFAULT_CONCURRENCY, ordered = true, signal, ...options }: MapOptions & { readonly ordered?: boolean } = {},
  ): AsyncGenerator<Outputs | Indexed<Outputs>, void, undefined> {
    const work = (inputs: Inputs, own: AbortSignal): Promise<Outputs> => this.run(inputs, { ...options, signal: own });
    const mapping = { source, concurrency, signal, work };
    return ordered ? mapInOrder(mapping) : mapAsTheyCome(mapping);
  }
}

class Handle<Inputs, Outputs> extends Method<Inputs, Outputs> implements ModelHandle<Inputs, Outputs> {
  get namespace(): string {
    return this.held.target.namespace;
  }

  get name(): string {
    return this.held.target.name;
  }

  get version(): string | undefined {
    return this.held.target.version;
  }

  method<MethodInputs = InputValues, MethodOutputs = OutputValues>(name: string): MethodHandle<MethodInputs, MethodOutputs> {
    return new Method<MethodInputs, MethodOutputs>(this.held, name);
  }

  status(): Promise<HandleStatus> {
    return this.held.status();
  }

  load(): Promise<HandleStatus> {
    return this.held.change("load");
  }

  drain(): Promise<HandleStatus> {
    return this.held.change("drain");
  }

  scale(replicas: number | "auto"): Promise<HandleStatus> {
    return this.held.scale(replicas);
  }

  evict(): Promise<HandleStatus> {
    return this.held.change("evict");
  }
}
