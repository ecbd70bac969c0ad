/** A program of a ServingRuntime with everything around it, as Kubernetes describes containers; templates and references are filled in. */
export interface ContainerSpec {
  /** Which server it runs, of those that `nitrous runtimes install` knows (annotation `nitrous/program`); else its command tells. */
  readonly program?: string;
  /** A requirements.txt on this machine, for a program without an image: it runs in an environment with these packages. */
  readonly requirements?: string;
  /** Undefined for a program that is on this machine. */
  readonly image: string | undefined;
  readonly imagePullPolicy: "Always" | "IfNotPresent" | "Never";
  /** Empty: the image's own. */
  readonly command: readonly string[];
  readonly arguments: readonly string[];
  /** Undefined: the image's own; of a process a folder of its own. */
  readonly workingDirectory: string | undefined;
  /**
   * The last one of a name counts. What is to be read when the container starts is named, not held: secrets are in no status and in no
   * state. References `$(NAME)` to such variables stand in values, command and arguments until then; `fillReferences` puts them in.
   */
  readonly environment: readonly EnvironmentVariable[];
  readonly ports: readonly ContainerPort[];
  readonly mounts: readonly Mount[];
  readonly resources: ContainerResources;
  readonly startupProbe: Probe | undefined;
  readonly readinessProbe: Probe | undefined;
  readonly livenessProbe: Probe | undefined;
  /** Milliseconds between the request to end and the end by force. */
  readonly terminationGraceMs: number;
  /** "private": its ports are its own, nobody else reaches them, and it reaches nothing outside; "host": those of this machine. */
  readonly network: "private" | "host";
  readonly user: number | undefined;
  readonly group: number | undefined;
}

export type EnvironmentVariable =
  | { readonly name: string; readonly value: string }
  /** The text of one key, which is a file below the folder of secrets or of config maps. */
  | { readonly name: string; readonly from: ObjectKey; readonly optional: boolean }
  /** One for each key of the object that can be a variable's name, with `prefix` before it. */
  | { readonly prefix: string; readonly allOf: Omit<ObjectKey, "key">; readonly optional: boolean };

export interface ObjectKey {
  readonly kind: "secret" | "configMap";
  readonly namespace: string;
  readonly object: string;
  readonly key: string;
}

export interface ContainerPort {
  readonly name: string | undefined;
  /** The one that the program listens on, as it sees it. */
  readonly number: number;
}

export interface Mount {
  /** Absolute, as the program sees it. */
  readonly path: string;
  readonly readOnly: boolean;
  readonly source:
    | { readonly kind: "folder"; readonly path: string }
    /** A folder of its own, empty at the start and removed at the end. */
    | { readonly kind: "empty"; readonly sizeLimit: number | undefined; readonly inMemory: boolean }
    /** Every key of a secret or config map, as a file; with `items`, those keys under those relative paths. */
    | {
        readonly kind: "object";
        readonly of: Omit<ObjectKey, "key">;
        readonly items: Readonly<Record<string, string>> | undefined;
        readonly optional: boolean;
      };
}

/** What is asked for and at most used. Bytes, processors. */
export interface ContainerResources {
  readonly memoryRequest: number | undefined;
  readonly memoryLimit: number | undefined;
  readonly processorLimit: number | undefined;
  /** Of everything that it writes to its own folders. */
  readonly diskLimit: number | undefined;
  /** GPUs and other devices by their resource names, such as `nvidia.com/gpu` and `aws.amazon.com/neuron`. */
  readonly devices: Readonly<Record<string, number>>;
}

/** Kubernetes' Probe with its defaults filled in. */
export interface Probe {
  readonly action: ProbeAction;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export type ProbeAction =
  | {
      readonly kind: "http";
      readonly port: number;
      readonly path: string;
      readonly secure: boolean;
      readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
    }
  | { readonly kind: "tcp"; readonly port: number }
  | { readonly kind: "exec"; readonly command: readonly string[] }
  | { readonly kind: "grpc"; readonly port: number; readonly service: string };
