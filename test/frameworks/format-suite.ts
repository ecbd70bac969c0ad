import { cp, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { ModelFormat } from "../../src/core/formats.ts";
import { createEnvironments } from "../../src/environments/index.ts";
import { run } from "../../src/environments/run.ts";
import { nitrous } from "../cli-process.ts";
import { CACHE_DIRECTORY, type ServerProcess, startServer } from "../server-process.ts";
import { type Answer, applyReady, ask, type ServiceObject, untilService } from "../service-process.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));

/** A request and what it must be answered: by default a 400. */
export interface BadRequest {
  readonly what: string;
  /** Below the model: ":predict" for V1, "/infer" for V2; by default that of the example's own request. */
  readonly path?: string;
  readonly body: unknown;
  readonly status?: number;
  /** What the message says. */
  readonly says: RegExp;
}

/** A change of a copy of the example after which it must not load. */
export interface BadArtefact {
  readonly what: string;
  /** Makes the change in the folder of the copy; returns a path that must not exist afterwards, of what code would have made. */
  change(folder: string): Promise<unknown>;
  /** What the status says. */
  readonly says: RegExp;
}

export interface FormatExample {
  /** Of the folder in examples/, with service.yaml, request.json and what they need. */
  readonly name: string;
  readonly format: ModelFormat;
  /** The artefact below that folder, which may record what it needs. */
  readonly artefact: string;
  /** Contents of the requirements.txt beside the artefact, when there is one. */
  readonly requirementsText?: string;
  /** Relative difference of numbers that counts as equal; 1e-5 by default. */
  readonly tolerance?: number;
  /** The framework's own answer; by default what `make.py --expected` prints in the format's environment. */
  expected?(folder: string): Promise<unknown>;
  readonly badRequests: readonly BadRequest[];
  readonly badArtefacts: readonly BadArtefact[];
}

/** What every format must show: its example served through its YAML, equal to the framework, and what it says to bad input. */
export function describeFormat(example: FormatExample): void {
  describe(`examples/${example.name}`, () => {
    let root: string;
    let folder: string;
    let server: ServerProcess;
    let model: string;

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), "nitrous-format-"));
      folder = join(root, example.name);
      await cp(join(EXAMPLES, example.name), folder, { recursive: true });
      server = await startServer([]);
      model = await nameIn(join(folder, "service.yaml"));
      const started = performance.now();
      await applyReady(server.url, [join(folder, "service.yaml")], 280);
      if (process.env.NITROUS_STARTS)
        console.log(`${example.name}: ready ${((performance.now() - started) / 1000).toFixed(1)} s after apply`);
    });

    afterAll(async () => {
      await server?.stop();
      await rm(root, { recursive: true, force: true });
    });

    const path = (request: unknown): string => (isV2(request) ? `/v2/models/${model}/infer` : `/v1/models/${model}:predict`);
    const own = async (): Promise<unknown> => JSON.parse(await readFile(join(folder, "request.json"), "utf8"));

    it("answers its request as the framework does", async () => {
      const request = await own();
      const { status, body } = await ask(server.url, path(request), request);
      expect({ status, body }).toMatchObject({ status: 200 });
      const expected = (await (example.expected ?? ((place) => expectedByPython(place, example)))(folder)) as object;
      expectClose(comparable(body), comparable(expected), example.tolerance ?? 1e-5);
    });

    it("describes itself, and answers its own example", async () => {
      const { body } = await ask(server.url, `/v2/models/${model}`);
      expect(body).toMatchObject({ name: model });
      const { code, stdout, stderr } = await nitrous(["infer", model, "--server", server.url]);
      expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    });

    it.each(example.badRequests.map((bad) => [bad.what, bad] as const))("says what is wrong: %s", async (_what, bad) => {
      const place = bad.path === undefined ? path(bad.body) : `/${bad.path.startsWith(":") ? "v1" : "v2"}/models/${model}${bad.path}`;
      const answer: Answer = await ask(server.url, place, bad.body);
      expect(answer).toMatchObject({ status: bad.status ?? 400, body: { error: expect.stringMatching(bad.says) } });
      expect(JSON.stringify(answer.body)).not.toMatch(/Traceback|File \\"/);
      // Whatever came, the model goes on.
      const request = await own();
      expect((await ask(server.url, path(request), request)).status).toBe(200);
    });

    it.each(example.badArtefacts.map((bad, index) => [bad.what, bad, index] as const))("does not serve: %s", async (_what, bad, index) => {
      const copy = join(root, `bad-${index}`);
      await cp(folder, copy, { recursive: true });
      const mark = await bad.change(copy);
      const name = `bad-${index}`;
      await rename(join(copy, "service.yaml"), name);
      const { code, stderr } = await nitrous(["apply", "--server", server.url, "-f", join(copy, "service.yaml")]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const service = await untilService(server.url, name, (each) => isFailed(each));
      expect(service.status?.modelStatus.lastFailureInfo?.message).toMatch(bad.says);
      if (typeof mark === "string") await expect(stat(mark)).rejects.toThrow("ENOENT");
    });
  });
}

/** Cuts a file of a copy of the example off in the middle. */
export function cutOff(file: string, says: RegExp): BadArtefact {
  return {
    what: `${file} cut off in the middle`,
    async change(folder) {
      const path = join(folder, file);
      await truncate(path, Math.floor((await stat(path)).size / 2));
    },
    says,
  };
}

/** Runs a script of a copy of the example in the environment of a format, for artefacts that only its framework can write. */
export async function runPython(
  example: Pick<FormatExample, "format" | "artefact" | "requirementsText">,
  folder: string,
  args: readonly string[],
): Promise<string> {
  const environments = createEnvironments({ directory: CACHE_DIRECTORY });
  const { python } = await environments.ensure(
    {
      format: example.format,
      file: join(folder, example.artefact),
      exact: false,
      trusted: true,
      ...(example.requirementsText === undefined ? {} : { requirementsText: example.requirementsText }),
    },
    () => undefined,
  );
  return await run([python, ...args]);
}

async function expectedByPython(folder: string, example: FormatExample): Promise<unknown> {
  const output = await runPython(example, folder, [join(folder, "make.py"), "--expected"]);
  return JSON.parse(output.trim().split("\n").at(-1) as string);
}

function isV2(request: unknown): boolean {
  const { inputs } = request as { inputs?: unknown };
  return Array.isArray(inputs) && typeof inputs[0] === "object" && inputs[0] !== null && "datatype" in inputs[0];
}

async function nameIn(file: string): Promise<string> {
  const [document] = parseAllDocuments(await readFile(file, "utf8"));
  return String(document?.getIn(["metadata", "name"]));
}

async function rename(file: string, name: string): Promise<void> {
  const [document] = parseAllDocuments(await readFile(file, "utf8"));
  document?.setIn(["metadata", "name"], name);
  await writeFile(file, String(document));
}

function isFailed({ status }: ServiceObject): boolean {
  return status?.modelStatus.transitionStatus === "BlockedByFailedLoad" || status?.modelStatus.transitionStatus === "InvalidSpec";
}

/** Outputs of V2 by name, predictions of V1 as they are. */
function comparable(answer: unknown): unknown {
  const { outputs, predictions } = answer as { outputs?: unknown; predictions?: unknown };
  if (!Array.isArray(outputs)) return predictions ?? outputs;
  return Object.fromEntries(
    (outputs as Array<{ name: string; shape: number[]; data: unknown[] }>).map(({ name, shape, data }) => [
      name,
      { shape, data: data.flat(Number.POSITIVE_INFINITY) },
    ]),
  );
}

/** Equal but for numbers that differ by no more than the tolerance, relative to the larger one (or to 1). */
export function expectClose(actual: unknown, expected: unknown, tolerance: number, place = "answer"): void {
  if (typeof expected === "number" && typeof actual === "number") {
    const difference = Math.abs(actual - expected);
    const scale = Math.max(1, Math.abs(actual), Math.abs(expected));
    expect(difference, `${place}: ${actual} instead of ${expected}`).toBeLessThanOrEqual(tolerance * scale);
  } else if (typeof expected === "object" && expected !== null && typeof actual === "object" && actual !== null) {
    expect(Object.keys(actual).sort(), place).toEqual(Object.keys(expected).sort());
    for (const [key, value] of Object.entries(expected)) {
      expectClose((actual as Record<string, unknown>)[key], value, tolerance, `${place}.${key}`);
    }
  } else {
    expect(actual, place).toEqual(expected);
  }
}
