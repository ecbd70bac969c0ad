import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../src/environments/run.ts";
import { pythonWith } from "../test/python-environment.ts";
import { EXAMPLES, type ServerProcess, startServer } from "../test/server-process.ts";

const place = fileURLToPath(new URL("./clients/", import.meta.url));

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Fewer checks than this means that a script ended early. */
const scripts = [
  { client: "KServeClient of the kserve package", script: "kserve_sdk.py", least: 11 },
  { client: "CustomObjectsApi of the kubernetes package", script: "kubernetes_custom_objects.py", least: 16 },
];

const server = await startServer([]);
// The scripts run while tests are collected, so that each of their checks is a test of its own.
const results = await runScripts().catch(async (error: unknown) => {
  await server.stop();
  throw error;
});
const version = await versionOfKubectl();

afterAll(async () => {
  await server.stop();
});

for (const { client, checks, least } of results) {
  describe(client, () => {
    for (const { name, ok, detail } of checks) it(name, () => expect(ok, detail).toBe(true));
    it("ran all of its checks", () => expect(checks.length).toBeGreaterThanOrEqual(least));
  });
}

async function runScripts(): Promise<Array<{ client: string; least: number; checks: Check[] }>> {
  const requirementsText = await readFile(`${place}kube-requirements.txt`, "utf8");
  const python = await pythonWith(requirementsText);
  const ran = [];
  for (const { client, script, least } of scripts) {
    const output = await run([python, `${place}${script}`, new URL(server.url).host]);
    const checks = output.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Check]));
    ran.push({ client, least, checks });
  }
  return ran;
}

/** Undefined where there is no kubectl. */
async function versionOfKubectl(): Promise<string | undefined> {
  try {
    return /Client Version: (\S+)/.exec(await run(["kubectl", "version", "--client"]))?.[1];
  } catch {
    return undefined;
  }
}

describe.skipIf(version === undefined)(`kubectl ${version ?? "(skipped: there is none on the PATH)"}`, () => {
  let kubectl: Kubectl;

  beforeAll(async () => {
    kubectl = await createKubectl(server);
  });

  afterAll(async () => {
    await kubectl?.remove();
  });

  it("lists what is served", async () => {
    expect(await kubectl.ok("api-resources")).toMatch(/inferenceservices +isvc +serving\.kserve\.io\/v1beta1 +true +InferenceService/);
    const runtimes = await kubectl.ok("get", "clusterservingruntimes");
    expect(runtimes).toMatch(/^kserve-sklearnserver +sklearn /m);
    // They come with the server, and their time of creation is 1970.
    expect(runtimes).not.toMatch(/\d+y/);
  });

  it("applies, waits, and shows a service with its events", async () => {
    const file = await kubectl.write("k.yaml", serviceText(1));
    expect(await kubectl.ok("apply", "-f", file)).toBe("inferenceservice.serving.kserve.io/kubectl-iris created\n");
    const waited = await kubectl.ok("wait", "--for=condition=Ready", "isvc/kubectl-iris", "--timeout=60s");
    expect(waited).toBe("inferenceservice.serving.kserve.io/kubectl-iris condition met\n");
    expect(await kubectl.ok("get", "isvc")).toMatch(/^NAME +URL +READY .*AGE\nkubectl-iris +http:\S+ +True .*\d+s\n$/);
    const description = await kubectl.ok("describe", "isvc", "kubectl-iris");
    expect(description).toMatch(/Transition Status: +UpToDate/);
    expect(description).toMatch(/Normal +Ready +\S+ +nitrous +generation 1 answers requests/);
  });

  it("shows what would change, changes it once, and finds nothing more to do", async () => {
    const file = await kubectl.write("k.yaml", serviceText(2));
    const difference = await kubectl.call("diff", "-f", file);
    expect(difference.code).toBe(1);
    expect(difference.stdout).toMatch(/^-.*iris\/1$/m);
    expect(difference.stdout).toMatch(/^\+.*iris\/2$/m);
    expect(await kubectl.ok("apply", "-f", file)).toContain("configured");
    expect(await kubectl.ok("apply", "-f", file)).toContain("unchanged");
    expect(await kubectl.ok("get", "isvc", "kubectl-iris", "-o", "jsonpath={.metadata.generation}")).toBe("2");
  });

  it("patches, labels and selects", async () => {
    await kubectl.ok("label", "isvc", "kubectl-iris", "team=flowers");
    await kubectl.ok("patch", "isvc", "kubectl-iris", "--type", "merge", "-p", '{"metadata":{"annotations":{"note":"a"}}}');
    await kubectl.ok("patch", "isvc", "kubectl-iris", "--type", "json", "-p", '[{"op":"remove","path":"/metadata/annotations/note"}]');
    expect(await kubectl.ok("get", "isvc", "-l", "team=flowers", "-o", "name")).toBe("inferenceservice.serving.kserve.io/kubectl-iris\n");
    expect((await kubectl.call("get", "isvc", "-l", "team=others")).stderr).toContain("No resources found");
  });

  it("watches", async () => {
    const watching = kubectl.call("get", "isvc", "-w", "-o", "name", "--request-timeout=5s");
    // It lists what there is, and a change that comes before that is none.
    await delay(1500);
    await kubectl.ok("annotate", "isvc", "kubectl-iris", "seen=yes");
    const { stdout } = await watching;
    expect(stdout.match(/kubectl-iris/g)?.length).toBeGreaterThanOrEqual(2);
  });

  it("tells what is invalid, and what is not there", async () => {
    const file = await kubectl.write(
      "bad.yaml",
      serviceText(1).replace('"minReplicas":1', '"minReplicas":-1').replace("kubectl-iris", "bad"),
    );
    const refused = await kubectl.call("create", "-f", file);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/"bad" is invalid: spec\.predictor\.minReplicas/);
    expect((await kubectl.call("get", "isvc", "bad")).stderr).toContain('inferenceservices.serving.kserve.io "bad" not found');
  });

  it("deletes", async () => {
    expect(await kubectl.ok("delete", "isvc", "kubectl-iris")).toContain('"kubectl-iris" deleted');
    expect((await kubectl.call("get", "isvc", "kubectl-iris")).stderr).toContain("NotFound");
    expect(await kubectl.ok("delete", "isvc", "kubectl-iris", "--ignore-not-found")).toBe("");
  });
});

function serviceText(iris: number): string {
  const model = { modelFormat: { name: "sklearn" }, storageUri: pathToFileURL(join(EXAMPLES, "iris", String(iris))).href };
  const spec = { predictor: { minReplicas: 1, model } };
  return JSON.stringify({ apiVersion: "serving.kserve.io/v1beta1", kind: "InferenceService", metadata: { name: "kubectl-iris" }, spec });
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Kubectl {
  call(...words: string[]): Promise<Ended>;
  /** What it prints; fails when it fails. */
  ok(...words: string[]): Promise<string>;
  write(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
}

/** kubectl with a configuration and a cache of its own, which knows this server only. */
async function createKubectl({ url }: ServerProcess): Promise<Kubectl> {
  const folder = await mkdtemp(join(tmpdir(), "nitrous-kubectl-"));
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const named = { name: "nitrous" };
  const configuration = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ ...named, cluster: { server: url } }],
    users: [{ ...named, user: {} }],
    contexts: [{ ...named, context: { cluster: "nitrous", user: "nitrous" } }],
    "current-context": "nitrous",
  };
  const environment = { ...process.env, HOME: folder, KUBECONFIG: await write("config.json", JSON.stringify(configuration)) };
  const call = (...words: string[]): Promise<Ended> =>
    new Promise((resolve, reject) => {
      execFile("kubectl", words, { env: environment }, (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === "number") resolve({ code, stdout, stderr });
        else reject(error);
      });
    });
  return {
    call,
    async ok(...words) {
      const { code, stdout, stderr } = await call(...words);
      expect(code, `kubectl ${words.join(" ")}\n${stdout}${stderr}`).toBe(0);
      return stdout;
    },
    write,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
