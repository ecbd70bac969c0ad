import { ServeError } from "../../core/errors.ts";
import { type MethodDeclarations, readDeclarations } from "./custom-declarations.ts";
import type { CustomContext } from "./custom-model.ts";

export type MethodFunction = (inputs: Readonly<Record<string, unknown>>, context: CustomContext) => unknown;

export interface DefinedMethod {
  /** Bound to its model. */
  readonly run: MethodFunction;
  readonly declared: MethodDeclarations;
}

/** A model's code before its `load`. */
export interface Definition {
  readonly methods: Readonly<Record<string, DefinedMethod>>;
  readonly defaultMethod: string;
  readonly load: ((directory: string, settings: unknown) => unknown) | undefined;
}

type Module = Readonly<Record<string, unknown>>;

const PREDICT = "predict";
/** Members of a model that are no methods. */
const RESERVED = new Set([
  "constructor",
  "load",
  "default",
  "inputs",
  "outputs",
  "padding",
  "unpad",
  "cost",
  "example",
  "methods",
  "settings",
]);

/** What a module exports as its model, and where its declarations are. */
export interface Export {
  readonly model: unknown;
  readonly isClass: boolean;
  /** The class itself, the object, or the module. */
  readonly declarations: Module;
}

/** The export `Model`, the default export, or the module with its exported functions. @throws ServeError INVALID_ARGUMENT */
export function findModel(module: Module): Export {
  const model = module.Model ?? (isModule(module.default) ? module.default : undefined);
  if (typeof model === "function" && !isPlainFunction(model)) return { model, isClass: true, declarations: model as unknown as Module };
  if (typeof model === "object" && model !== null) return { model, isClass: false, declarations: model as Module };
  const functions =
    typeof module.default === "function" && isPlainFunction(module.default) ? { [PREDICT]: module.default, ...module } : module;
  if (exportedFunctions(functions).length > 0) return { model: functions, isClass: false, declarations: functions };
  const names = Object.keys(module).join(", ") || "nothing";
  throw new ServeError(
    "INVALID_ARGUMENT",
    `its module must export a class Model (or a default) with a method 'predict', or a function predict; it exports ${names}`,
  );
}

/** The methods of a model, bound to the instance. @throws ServeError INVALID_ARGUMENT for a model without any */
export function define({ isClass, declarations }: Export, instance: Module): Definition {
  const several = declarations.methods;
  const functions = isObject(several) && !Array.isArray(several) ? functionsOfTable(several) : functionsOf(instance, isClass, several);
  const names = Object.keys(functions);
  if (names.length === 0) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      "its module must export a class Model (or a default) with a method 'predict'; it has no methods",
    );
  }
  const wanted = declarations.defaultMethod;
  if (wanted !== undefined && !names.includes(String(wanted)))
    throw new ServeError("INVALID_ARGUMENT", `its defaultMethod is '${String(wanted)}', which is no method; there are ${names.join(", ")}`);
  const defaultMethod = wanted === undefined ? (names.includes(PREDICT) ? PREDICT : (names[0] as string)) : String(wanted);
  const declared =
    isObject(several) && !Array.isArray(several)
      ? (several as Record<string, MethodDeclarations>)
      : readDeclarations(declarations, names, defaultMethod);
  const methods = Object.fromEntries(
    names.map((name) => [
      name,
      { run: (functions[name] as MethodFunction).bind(ownerOf(several, name) ?? instance), declared: declared[name] ?? {} },
    ]),
  );
  const { load } = instance;
  return { methods, defaultMethod, load: typeof load === "function" ? load.bind(instance) : undefined };
}

function functionsOfTable(table: Module): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([name, entry]) => {
      const run = isObject(entry) ? entry.run : entry;
      if (typeof run === "function") return [name, run];
      throw new ServeError("INVALID_ARGUMENT", `its method '${name}' has no function 'run'`);
    }),
  );
}

function ownerOf(table: unknown, name: string): unknown {
  const entry = isObject(table) && !Array.isArray(table) ? table[name] : undefined;
  return isObject(entry) ? entry : undefined;
}

/** Public methods of a class itself and its `predict`, or those in its list `methods`; of an object or a module its functions. */
function functionsOf(instance: Module, isClass: boolean, listed: unknown): Record<string, unknown> {
  if (Array.isArray(listed)) {
    return Object.fromEntries(
      listed.map((name: unknown) => {
        if (typeof instance[String(name)] === "function") return [String(name), instance[String(name)]];
        throw new ServeError("INVALID_ARGUMENT", `its methods name '${String(name)}', which it does not have`);
      }),
    );
  }
  if (!isClass) return Object.fromEntries(exportedFunctions(instance).map((name) => [name, instance[name]]));
  const prototype = Object.getPrototypeOf(instance) as object;
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([name, { value }]) => typeof value === "function" && isServed(name))
    .map(([name]) => name);
  // Inherited, or a field that holds a function.
  if (!own.includes(PREDICT) && typeof instance[PREDICT] === "function") own.push(PREDICT);
  return Object.fromEntries(own.map((name) => [name, instance[name]]));
}

function exportedFunctions(module: Module): string[] {
  return Object.keys(module).filter((name) => isServed(name) && typeof module[name] === "function" && isPlainFunction(module[name]));
}

function isServed(name: string): boolean {
  return !name.startsWith("_") && !RESERVED.has(name);
}

/** Not a class: those cannot be called. */
function isPlainFunction(value: unknown): boolean {
  return typeof value === "function" && !/^class\b/.test(Function.prototype.toString.call(value));
}

function isModule(value: unknown): boolean {
  return typeof value === "object" || (typeof value === "function" && !isPlainFunction(value));
}

function isObject(value: unknown): value is Module {
  return typeof value === "object" && value !== null;
}
