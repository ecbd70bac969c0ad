import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createEvents, type Events } from "./core/events.ts";
import { DEFAULT_NAMESPACE } from "./core/model.ts";
import type { ResourceView } from "./core/planes.ts";
import type { InProgramOptions } from "./embedded-models.ts";
import {
  createHandle,
  type HandleStatus,
  type InputValue,
  type InputValues,
  type ModelHandle,
  type OutputTensor,
  type OutputValues,
} from "./handles/index.ts";
import type { ModelOfOne, SettingValues, Specifications } from "./hosts/node/custom-model.ts";
import { type NitrousServer, serve } from "./serve.ts";
import { readOptions, type SettingOptions } from "./setting-options.ts";

export interface CreateServerOptions extends SettingOptions {
  /** Told of failures that are bugs of the server; nobody is when absent. */
  readonly onFault?: (error: Error) => void;
}

/** Models that a program has served, and how it adds more. */
export interface ServerModels {
  /**
   * Serves a model that `defineModel` has made, or a class like those of model.ts files. It runs in this process: what it computes holds up
   * everything else here, and it sees the arrays of its callers themselves. Settles when it answers.
   * @throws ServeError ALREADY_EXISTS for a name that is taken, or why the model does not load
   */
  add<const Inputs extends Specifications, const Outputs extends Specifications, const Settings extends SettingValues>(
    name: string,
    model: ModelOfOne<Inputs, Outputs, Settings>,
    options?: InProgramOptions,
  ): Promise<ModelHandle<HandleInputs<Inputs>, HandleOutputs<Outputs>>>;
  add(name: string, model: object, options?: InProgramOptions): Promise<ModelHandle>;
  /**
   * Serves what is at a path, as `nitrous serve PATH` does: a model's file or folder, a folder of models, YAML files. Each model has a
   * process of its own. Settles when they have had their first attempt; one that failed says why.
   * @throws ServeError INVALID_ARGUMENT naming what of the path is not served, and why
   */
  addPath(path: string): Promise<readonly HandleStatus[]>;
  /** It is no longer served; requests under way are answered. Handles of it fail from now on. @throws ServeError NOT_FOUND */
  remove(name: string, namespace?: string): Promise<void>;
  /** How every version of every model is. */
  list(): readonly HandleStatus[];
}

/** What a handle of a model takes that declares these inputs. */
export type HandleInputs<Inputs extends Specifications> = string extends keyof Inputs
  ? InputValues
  : { readonly [Name in keyof Inputs]: InputValue };

/** What a handle of a model gives that declares these outputs. */
export type HandleOutputs<Outputs extends Specifications> = string extends keyof Outputs
  ? OutputValues
  : {
      readonly [Name in keyof Outputs]: Outputs[Name] extends `${infer Each}[${string}]`
        ? Extract<OutputTensor, { datatype: Each }>
        : never;
    };

export interface Server {
  readonly models: ServerModels;
  readonly events: Events;
  /** What whoever started the server should know. */
  readonly notices: readonly string[];
  /** Opens the port for clients; settles with the address. Without it nothing can be reached from outside. @throws Error when it is in use */
  listen(): Promise<string>;
  /** The address; undefined before `listen`. */
  readonly url: string | undefined;
  /** A handle for a model that there is, or will be. Nothing is asked before its first call. */
  handle<Inputs = InputValues, Outputs = OutputValues>(
    name: string,
    options?: { readonly namespace?: string; readonly version?: string },
  ): ModelHandle<Inputs, Outputs>;
  /**
   * Applies InferenceServices and ServingRuntimes, as `nitrous apply` does: YAML or JSON with any number of documents, or an object. Settles
   * when the services have had their first attempt.
   * @throws InvalidResourceError for what is no resource; nothing has been applied then
   */
  apply(resources: string | object): Promise<readonly ResourceView[]>;
  /** Refuses what is new, finishes what is under way, ends every host process. */
  close(): Promise<void>;
  /** Ends everything now. */
  destroy(): Promise<void>;
}

/**
 * A server in this program. Its settings are the flags of `nitrous serve`, in camel case or as they are; environment variables and
 * nitrous.yaml are not looked at. Without `stateDir` what was applied is forgotten when it ends.
 * @throws SettingsError naming each wrong option
 */
export async function createServer({ onFault, ...options }: CreateServerOptions = {}): Promise<Server> {
  const settings = await readOptions(options);
  const temporary = settings["state-dir"] === undefined ? await mkdtemp(join(tmpdir(), "nitrous-embedded-")) : undefined;
  const forget = async (): Promise<void> => {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  };
  const server = await serve({
    paths: [],
    settings: {
      ...settings,
      "state-dir": temporary ?? settings["state-dir"],
      // Environments take minutes to make: they are shared with every other server of this user.
      "cache-dir": settings["cache-dir"] ?? settings["state-dir"] ?? join(homedir(), ".nitrous"),
    },
    events: createEvents(),
    listen: false,
    ...(onFault === undefined ? {} : { onFault }),
  }).catch(async (error: unknown) => {
    await forget();
    throw error;
  });
  return facadeOf(server, forget);
}

function facadeOf(server: NitrousServer, forget: () => Promise<void>): Server {
  let ended: Promise<void> | undefined;
  let listens = false;
  const { models, door, events, notices } = server;
  return {
    models: {
      add: async (name: string, model: object, options?: InProgramOptions): Promise<never> =>
        (await models.add(name, model, options)) as unknown as never,
      addPath: (path) => models.addPath(path),
      remove: (name, namespace) => models.remove(name, namespace),
      list: () => models.list(),
    },
    events,
    notices,
    async listen() {
      const url = await server.listen();
      listens = true;
      return url;
    },
    get url() {
      return listens ? server.url : undefined;
    },
    handle: (name, { namespace = DEFAULT_NAMESPACE, version } = {}) => createHandle(door, { namespace, name, version }),
    apply: (resources) => models.apply(resources),
    async close() {
      ended ??= server.close().finally(forget);
      await ended;
    },
    async destroy() {
      await server.destroy().finally(forget);
    },
  };
}
