import type { LoadMetadata } from "../../frames/index.ts";
import { type Definition, define, findModel } from "./custom-definition.ts";
import { importModel } from "./custom-import.ts";
import { CustomMethod } from "./custom-method.ts";
import { readSettings } from "./custom-settings.ts";
import { payloadOf, readExample } from "./example.ts";
import type { HostedModel, ModelCall } from "./hosted-model.ts";

/**
 * A user's own model: a module that exports a class `Model`, a class or an object as its default, or functions.
 * @throws ServeError INVALID_ARGUMENT when the module has no such export
 */
export async function loadTypeScript(meta: LoadMetadata, report: (step: string) => void): Promise<HostedModel> {
  report("importing the model's code");
  return await loadCustomModel(await importModel(meta.file), meta, report);
}

/**
 * A model that is code of a module, whose `load` has run and whose example has been answered.
 * @throws ServeError INVALID_ARGUMENT when the module has no such export, or what the model's code throws
 */
export async function loadCustomModel(
  module: Readonly<Record<string, unknown>>,
  meta: Pick<LoadMetadata, "directory" | "example" | "settings">,
  report: (step: string) => void,
): Promise<HostedModel> {
  const { defaultMethod, methods: defined } = await instantiate(module, meta, report);
  const methods: Record<string, CustomMethod> = {};
  let ownExample: unknown;
  for (const [name, each] of Object.entries(defined)) {
    const isDefault = name === defaultMethod;
    const example = (isDefault ? await readExample(meta.example) : undefined) ?? each.declared.example;
    const method = new CustomMethod(name, each);
    if (example !== undefined) {
      report(Object.keys(defined).length > 1 ? `answering the warm-up of ${name}` : "answering a first request");
      await method.warmUp(payloadOf(example));
    }
    if (isDefault) ownExample = example;
    methods[name] = method;
  }
  const methodOf = ({ method }: ModelCall): CustomMethod => methods[method] as CustomMethod;
  return {
    description: {
      framework: "node",
      frameworkVersion: process.version.slice(1),
      warnings:
        ownExample === undefined ? ["it has no example, so it was not warmed up: give it one, or add an example.json to its folder"] : [],
      ...(ownExample === undefined ? {} : { example: ownExample }),
      defaultMethod,
      methods: Object.fromEntries(Object.entries(methods).map(([name, { signature }]) => [name, signature])),
    },
    run: (call) => methodOf(call).run(call),
    stream: (call) => methodOf(call).stream(call),
    close: () => Promise.resolve(),
  };
}

/** The model's methods, after its `load`. @throws ServeError, or what the model's code throws */
async function instantiate(
  module: Readonly<Record<string, unknown>>,
  { directory, settings: given }: Pick<LoadMetadata, "directory" | "settings">,
  report: (step: string) => void,
): Promise<Definition> {
  const found = findModel(module);
  const { model, isClass, declarations } = found;
  const { load } = (isClass ? (model as { prototype: object }).prototype : model) as { load?: unknown };
  const takesThem = (typeof load === "function" && load.length > 1) || (isClass && (model as { length: number }).length > 0);
  const settings = readSettings(given ?? {}, declarations.settings, takesThem);
  const instance = isClass ? new (model as new (settings: unknown) => object)(settings) : (model as object);
  const definition = define(found, instance as Readonly<Record<string, unknown>>);
  if (definition.load !== undefined) {
    report("running the model's load");
    await definition.load(directory, settings);
  }
  return definition;
}
