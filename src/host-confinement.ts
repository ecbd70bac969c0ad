import { createHash } from "node:crypto";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { ServeError } from "./core/errors.ts";
import type { HostSpec } from "./core/executor.ts";
import type { ModelSpec } from "./core/model.ts";
import {
  type Confinement,
  confined,
  decideIsolation,
  findLauncherPython,
  launched,
  type Mechanisms,
  modelView,
  probeMechanisms,
} from "./executors/index.ts";
import type { Settings } from "./settings.ts";

interface Machine {
  readonly python: string | undefined;
  readonly mechanisms: Mechanisms;
}

export interface HostConfinementOptions {
  /** Where compiled modules of all hosts that are not confined are kept. */
  readonly bytecodeDirectory: string;
  /** Bytes that one confined host may use. */
  readonly memory: () => Promise<number>;
}

/** Puts hosts below their launchers, confined or not. */
export class HostConfinement {
  readonly #settings: Settings;
  readonly #options: HostConfinementOptions;
  #machine: Promise<Machine> | undefined;

  constructor(settings: Settings, options: HostConfinementOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  /** @throws ServeError FAILED_PRECONDITION when the model must be confined and the machine cannot */
  async isConfined(spec: ModelSpec): Promise<boolean> {
    return (await this.#decide(spec)).kind === "confined";
  }

  /**
   * A host for one model, which reads its files and those of a folder with packages.
   * @throws ServeError FAILED_PRECONDITION when the model must be confined and the machine cannot
   */
  wrap(spec: ModelSpec, host: HostSpec, packages?: string): Promise<HostSpec> {
    const readable = modelView([spec.directory, spec.file, spec.example, packages]);
    const bytecode = this.ownBytecode(spec);
    // One that nobody uses any more is removed as unused environments are; its time says when it was used.
    const now = new Date();
    void utimes(bytecode, now, now).catch(() => undefined);
    return this.#wrap(spec, host, { readable, writable: [bytecode] });
  }

  /** A host for many models: confined, it sees the files of none of them. @throws ServeError as wrap */
  wrapShared(spec: ModelSpec, host: HostSpec): Promise<HostSpec> {
    return this.#wrap(spec, host, { readable: [], writable: [] });
  }

  async #wrap(spec: ModelSpec, host: HostSpec, folders: Pick<Confinement, "readable" | "writable">): Promise<HostSpec> {
    const { bytecodeDirectory, memory } = this.#options;
    const isolation = await this.#decide(spec);
    const { python } = await this.#probe();
    if (python === undefined) return host;
    if (isolation.kind === "open") return launched(host, python, bytecodeDirectory);
    return confined(host, { level: isolation.level, ...folders, memory: await memory() }, { python, bytecodeDirectory });
  }

  /** Where a confined host keeps compiled modules: others would run what it had put among theirs. */
  ownBytecode({ namespace, name }: ModelSpec): string {
    const hash = createHash("sha256").update(`${namespace}/${name}`).digest("hex").slice(0, 20);
    return join(`${this.#options.bytecodeDirectory}-confined`, hash);
  }

  async #decide(spec: ModelSpec): Promise<Exclude<ReturnType<typeof decideIsolation>, { kind: "refused" }>> {
    const isolation = decideIsolation(spec, this.#settings.isolation, (await this.#probe()).mechanisms);
    if (isolation.kind === "refused") throw new ServeError("FAILED_PRECONDITION", isolation.reason);
    return isolation;
  }

  /** Once: the machine does not change. */
  #probe(): Promise<Machine> {
    this.#machine ??= findLauncherPython(this.#settings.python).then(async (python) => ({
      python,
      mechanisms: await probeMechanisms(python),
    }));
    return this.#machine;
  }
}
