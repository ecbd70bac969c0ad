import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import type { LauncherPlan } from "./plan.ts";

/** What a launcher says; see python/nitrous_launcher/servers/server.py. */
type Told =
  | { readonly started: true }
  | { readonly connected: number }
  | { readonly refused: number; readonly problem: string }
  | { readonly ports: number; readonly numbers: readonly number[] }
  | { readonly executed: number; readonly code: number; readonly output: string }
  | { readonly failed: string }
  | { readonly killed: string };

export interface Executed {
  readonly code: number;
  readonly output: string;
}

/** Why there is no connection. */
export class Refused extends Error {
  override readonly name = "Refused";
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The line to a launcher, which is Node's own channel to a child process: that can carry sockets. */
export class LauncherLine {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #ended: Error | undefined;
  /** How it ended: why the launcher killed the program, or why it could not start it. The first reason is the cause of others. */
  reason: string | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message, handle) => this.#take(message as unknown as Told, handle));
  }

  start(plan: LauncherPlan): void {
    this.#send({ plan });
  }

  /** A connection that the launcher opens where the program is. @throws Refused */
  async connect(port: number): Promise<Socket> {
    return (await this.#ask((number) => ({ connect: number, port }))) as Socket;
  }

  /** The TCP ports that the program listens on. */
  async listening(): Promise<readonly number[]> {
    return (await this.#ask((number) => ({ listening: number }))) as readonly number[];
  }

  async execute(command: readonly string[], signal: AbortSignal): Promise<Executed> {
    signal.throwIfAborted();
    let asked = 0;
    const answer = this.#ask((number) => {
      asked = number;
      return { execute: number, command };
    });
    return await new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#send({ cancel: asked });
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      answer.then((executed) => resolve(executed as Executed), reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
  }

  /** SIGTERM for the program now, SIGKILL for all that is left then. */
  end(afterMs: number): void {
    this.#send({ end: afterMs });
  }

  /** The launcher is gone: nothing that is asked is answered any more. */
  close(why: Error): void {
    this.#ended = why;
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
  }

  #ask(message: (number: number) => object): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const number = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#send(message(number));
    });
  }

  #send(message: object): void {
    // A launcher that is gone is noticed by its end.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #take(told: Told, handle: unknown): void {
    if ("failed" in told) this.reason ??= told.failed;
    else if ("killed" in told) this.reason ??= told.killed;
    else if ("connected" in told) this.#connected(told.connected, handle);
    else if ("refused" in told) this.#settle(told.refused)?.reject(new Refused(told.problem));
    else if ("ports" in told) this.#settle(told.ports)?.resolve(told.numbers);
    else if ("executed" in told) this.#settle(told.executed)?.resolve({ code: told.code, output: told.output });
  }

  #connected(number: number, handle: unknown): void {
    const waiting = this.#settle(number);
    if (!(handle instanceof Socket)) waiting?.reject(new Refused("the connection was lost on its way here"));
    // Until whoever asked listens for errors: nobody may, and an error that nobody listens for ends this process.
    else if (waiting !== undefined) waiting.resolve(handle.on("error", () => undefined));
    else handle.destroy();
  }

  #settle(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    return waiting;
  }
}
