import Module, { register } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { messageOf, ServeError } from "../../core/errors.ts";

/** From the sources as from the build. */
const SUFFIX = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

/**
 * What runs in the thread that resolves imports: a model's folder has no package "nitrous", and the server's own is more than a model
 * needs; and packages that are not in the folder may be in NODE_PATH, which Node itself asks for `require` alone. As text, because that
 * thread may not know TypeScript.
 */
const RESOLVER = `
import { pathToFileURL } from "node:url";
import { delimiter } from "node:path";
let target;
export function initialize(url) { target = url; }
export async function resolve(specifier, context, next) {
  if (specifier === "nitrous") return await next(target, context);
  try {
    return await next(specifier, context);
  } catch (error) {
    if (/^(?:[./#]|[a-z]+:)/.test(specifier)) throw error;
    for (const folder of (process.env.NODE_PATH ?? "").split(delimiter).filter((path) => path !== "")) {
      const found = await Promise.resolve(next(specifier, { ...context, parentURL: pathToFileURL(folder + "/../package.json").href })).catch(() => undefined);
      if (found !== undefined) return found;
    }
    throw error;
  }
}`;

let registered = false;

/**
 * A model's file as a module. In it, and in what it imports, "nitrous" is `defineModel` and its types.
 * @throws ServeError FAILED_PRECONDITION for an import that is missing, INVALID_ARGUMENT for a file that is no module
 */
export async function importModel(file: string): Promise<Readonly<Record<string, unknown>>> {
  if (!registered) {
    const own = new URL(`./custom-model${SUFFIX}`, import.meta.url);
    register(`data:text/javascript,${encodeURIComponent(RESOLVER)}`, { data: own.href });
    resolveForRequire(fileURLToPath(own));
    registered = true;
  }
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw explained(error, file);
  }
}

/** The same for files that are loaded as CommonJS: beside a package.json that does not say "type": "module". */
function resolveForRequire(own: string): void {
  const loader = Module as unknown as { _resolveFilename: (request: string, ...rest: unknown[]) => string };
  const resolveFilename = loader._resolveFilename;
  loader._resolveFilename = (request, ...rest) => resolveFilename.call(loader, request === "nitrous" ? own : request, ...rest);
}

function explained(error: unknown, file: string): unknown {
  const { code } = (error ?? {}) as { code?: unknown };
  const message = messageOf(error);
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
    const [, missing = ""] = /Cannot find (?:package|module) '([^']+)'/.exec(message) ?? [];
    const isPath = /^[./]|^file:/.test(missing);
    const what = isPath
      ? `it imports the file ${missing.startsWith("file:") ? fileURLToPath(missing) : missing}, which is not there`
      : `it needs the package '${missing}', which is not installed: name it in the dependencies of a package.json beside it, or run npm install ${missing} in ${dirname(file)}`;
    return new ServeError("FAILED_PRECONDITION", what, { cause: error });
  }
  if (error instanceof SyntaxError || (error instanceof Error && error.name === "TransformError"))
    return new ServeError("INVALID_ARGUMENT", `its file is no module that can be read: ${message}`, { cause: error });
  return error;
}
