import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * A thread that runs the module `name` (without its extension) beside the module whose import.meta.url is `beside`. From the build as
 * from the sources, where it brings its own tsx: on Node 20 a worker does not inherit its parent's.
 */
export function startThread(name: string, beside: string, options: WorkerOptions = {}): Worker {
  // Nothing of this process's own flags: some, such as --input-type, are errors in a worker.
  const all = { execArgv: [], ...options };
  if (!beside.endsWith(".ts")) return new Worker(new URL(`${name}.js`, beside), all);
  const [tsx, source] = [import.meta.resolve("tsx/esm/api"), new URL(`${name}.ts`, beside).href].map((url) => JSON.stringify(url));
  return new Worker(`import(${tsx}).then(({ register }) => { register(); return import(${source}); })`, { ...all, eval: true });
}
