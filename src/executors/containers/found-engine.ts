export const ENGINE_KINDS = ["podman", "docker"] as const;
export type EngineKind = (typeof ENGINE_KINDS)[number];

/** "auto": podman where it works, else docker; "off": containers are not run. */
export type EngineChoice = "auto" | EngineKind | "off";

/** How an engine's program is started. */
export interface EngineCommand {
  /** Also the program's name. */
  readonly kind: EngineKind;
  /** Of the program: where it finds its own settings, such as CONTAINERS_CONF and DOCKER_HOST. */
  readonly environment: NodeJS.ProcessEnv;
}

/** An engine of this machine and what it says of itself. */
export interface FoundEngine extends EngineCommand {
  readonly kind: EngineKind;
  /** Undefined for one that does not work. */
  readonly version: string | undefined;
  /** It runs without root, and what is root in a container is an ordinary user outside. */
  readonly rootless: boolean;
  /** Of the kernel's interface for limits, 1 or 2; undefined where the engine does not tell. */
  readonly cgroups: number | undefined;
  /** What starts its containers in the place of its own choice, which cannot on this machine. */
  readonly runtime: string | undefined;
  /** Why it cannot be used, and what to do about it. */
  readonly problem: string | undefined;
}
