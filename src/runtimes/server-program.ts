/** A server that somebody else wrote, and how it comes to this machine. */
export interface ServerProgram {
  /** What `nitrous runtimes install` calls it. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Names that it has on the PATH, the usual one first. */
  readonly executables: readonly string[];
  /** What makes it print its version; undefined where nothing does quickly. */
  readonly versionArguments?: readonly string[];
  /** Package of Python's index that the program is in, by whose record its version is known without starting it. */
  readonly distributions: readonly string[];
  /** Its only protocol, where its runtimes' `protocolVersions` cannot say it. */
  readonly protocol?: "openai";
  /** It uses a GPU by itself when it sees one. */
  readonly takesDevice: boolean;
  /** How it is installed on such a machine, or a sentence that says what the user can do instead. */
  install(machine: InstallMachine): Installable | string;
  /** What else must be there, as a sentence; undefined when all is. */
  missing?(run: Ask): Promise<string | undefined>;
  /** What its environment must be told, by the folder of its virtual environment. */
  readonly launch?: (venv: EnvironmentPaths) => Launch;
}

export interface InstallMachine {
  readonly system: string;
  readonly arch: string;
  readonly hasNvidia: boolean;
  /** Flags of the processor as /proc/cpuinfo has them; empty where that is not told. */
  readonly processorFlags: ReadonlySet<string>;
}

export interface Installable {
  readonly requirements: readonly string[];
  /** Versions that win over what packages ask for; those that are never installed have a marker that is never true. */
  readonly overrides?: readonly string[];
  /** Roughly, on disk. */
  readonly gibibytes: number;
  /** What is still to be done in the finished virtual environment. */
  readonly finish?: (venv: EnvironmentPaths) => Promise<void>;
}

export interface EnvironmentPaths {
  readonly bin: string;
  readonly sitePackages: string;
  /** Of the interpreter that it was made from. */
  readonly libraries: string;
  /** "3.11". */
  readonly python: string;
}

export interface Launch {
  /** Absolute; its place in `bin` when absent. */
  readonly file?: string;
  /** Behind those that its runtime gives. */
  readonly arguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** What a command prints, both outputs together. @throws Error when it is not there or fails */
export type Ask = (command: string, words: readonly string[]) => Promise<string>;
