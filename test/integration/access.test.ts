import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { processTree } from "../../bench/processes.ts";
import { run } from "../../src/environments/run.ts";
import { MAIN, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const stored = (name: string): string => fileURLToPath(new URL(`../../testdata/tls/${name}`, import.meta.url));
const ca = ["first.crt", "second.crt"].map((name) => readFileSync(stored(name)));
const MODEL = "export class Model { predict({ instances }) { return { count: instances.length }; } }\n";
const PREDICT = "/v1/models/answers:predict";

let folder: string;
let state: string;
let boss: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-access-"));
  state = join(folder, "state");
  await mkdir(join(folder, "models", "answers"), { recursive: true });
  await writeFile(join(folder, "models", "answers", "model.js"), MODEL);
  await install("first");
  // Before there is a server.
  boss = (await nitrous(["keys", "create", "boss", "--scope", "admin", "--state-dir", state])).trim();
  const tls = ["--tls-cert", join(folder, "cert.pem"), "--tls-key", join(folder, "key.pem")];
  server = await startServer([join(folder, "models")], ["--state-dir", state, ...tls]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

async function install(name: string): Promise<void> {
  await copyFile(stored(`${name}.crt`), join(folder, "cert.pem"));
  await copyFile(stored(`${name}.key`), join(folder, "key.pem"));
}

/** Where the processes of a tree listen: hexadecimal addresses of /proc/net/tcp and tcp6, in the machine's byte order. */
function listeningAddresses(pids: readonly number[]): string[] {
  const inodes = new Set(
    pids.flatMap((pid) =>
      readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
        try {
          return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1] ?? [];
        } catch {
          return [];
        }
      }),
    ),
  );
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === "0A" && inodes.has(fields[9] ?? ""))
      .map((fields) => fields[1]?.split(":")[0] ?? ""),
  );
}

/** What the command line prints, with these variables. */
function nitrous(words: readonly string[], environment: Record<string, string> = {}): Promise<string> {
  return run([process.execPath, MAIN, ...words], { environment: { NODE_EXTRA_CA_CERTS: stored("first.crt"), ...environment } });
}

interface Answer {
  readonly status: number;
  readonly body: string;
  /** The name in the certificate. */
  readonly name: string;
}

/** Over a connection of its own. Its client would compare the certificate with the Host header too. */
function ask(path: string, { body, ...options }: RequestOptions & { body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const request = httpsRequest(
      server.url + path,
      { method, ca, agent: false, checkServerIdentity: () => undefined, ...options },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece: string) => {
          text += piece;
        });
        const { CN } = (response.socket as TLSSocket).getPeerCertificate().subject;
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text, name: String(CN) }));
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

const predict = (key?: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(PREDICT, { body: '{"instances": [1, 2]}', headers: { ...headers, ...(key === undefined ? {} : { "X-API-Key": key }) } });

/** Asks until the answer is the one that is waited for; the test's own limit ends it. */
async function until(wanted: (answer: Answer) => boolean, question: () => Promise<Answer>): Promise<void> {
  while (!wanted(await question())) await new Promise((resolve) => setTimeout(resolve, 50));
}

it.runIf(process.platform === "linux")("listens on loopback only, with everything that it starts", async () => {
  expect((await predict(boss)).status).toBe(200);
  const pids = processTree(server.child.pid as number);
  expect(pids.length).toBeGreaterThan(1);
  // HTTP and gRPC.
  expect(listeningAddresses(pids)).toEqual(["0100007F", "0100007F"]);
});

it("speaks HTTPS, is live for everybody, and answers nothing else without a key", async () => {
  expect(server.url).toMatch(/^https:/);
  expect(server.output()).toContain("Requests need a key");
  expect((await ask("/health/live")).status).toBe(200);
  expect((await predict()).status).toBe(401);
  expect(await predict(boss)).toMatchObject({ status: 200, body: '{"predictions":{"count":2}}' });
});

it("serves the command line with a key, and tells it where keys come from without", async () => {
  const to = ["--server", server.url];
  await expect(nitrous(["get", ...to])).rejects.toThrow(/a key is needed.*NITROUS_API_KEY or --api-key/);
  await expect(nitrous(["infer", "answers", ...to])).rejects.toThrow(/a key is needed.*NITROUS_API_KEY or --api-key/);
  expect(await nitrous(["get", ...to], { NITROUS_API_KEY: boss })).toContain("answers");
  expect(await nitrous(["get", ...to, "--api-key", boss])).toContain("answers");
  await expect(nitrous(["get", ...to], { NODE_EXTRA_CA_CERTS: "" })).rejects.toThrow(/is not trusted: .*NODE_EXTRA_CA_CERTS=FILE/);
});

it("makes keys through the server, and ends those that are revoked on this machine", async () => {
  const create = (name: string, ...words: string[]): Promise<string> =>
    nitrous(["keys", "create", name, "--server", server.url, ...words], { NITROUS_API_KEY: boss });
  const web = (await create("web", "--scope", "infer", "--model", "ans*")).trim();
  const other = (await create("other", "--scope", "infer,read", "--model", "default/other")).trim();
  expect((await predict(web)).status).toBe(200);
  expect((await predict(other)).status).toBe(403);
  expect((await ask("/v1/models", { headers: { "X-API-Key": web } })).status).toBe(403);
  await expect(nitrous(["keys", "list", "--server", server.url], { NITROUS_API_KEY: web })).rejects.toThrow(/needs admin/);
  expect(await nitrous(["keys", "list", "--state-dir", state])).toMatch(/^NAME.*\nboss.*\nother.*\nweb +infer +default\/ans\*/);
  await nitrous(["keys", "revoke", "web", "--state-dir", state]);
  await until(
    ({ status }) => status === 401,
    () => predict(web),
  );
  await nitrous(["keys", "revoke", "other", "--server", server.url], { NITROUS_API_KEY: boss });
  expect((await predict(other)).status).toBe(401);
});

it("knows its names", async () => {
  expect((await predict(boss, { Host: "evil.example" })).status).toBe(403);
  expect((await predict(boss, { Host: "answers-default.example.com" })).status).toBe(200);
  expect((await predict(boss, { Origin: "http://evil.example" })).status).toBe(403);
});

it("shows a new certificate when there is one, and the old one to nobody after that", async () => {
  expect((await ask("/health/live")).name).toBe("nitrous test first");
  await install("second");
  await until(
    ({ name }) => name === "nitrous test second",
    () => ask("/health/live"),
  );
});

it("does not start where others could reach it without keys, nor with half a certificate", async () => {
  const serve = (...flags: string[]): Promise<string> =>
    nitrous(["serve", "--http-port", "0", "--state-dir", join(folder, "new"), ...flags]);
  await expect(serve("--host", "0.0.0.0")).rejects.toThrow(/nitrous keys create .*--insecure/);
  await expect(serve("--tls-cert", stored("first.crt"))).rejects.toThrow("--tls-cert needs --tls-key");
  await expect(serve("--tls-cert", stored("first.crt"), "--tls-key", stored("second.key"))).rejects.toThrow(
    "is not the key of the certificate",
  );
  await expect(serve("--allowed-host", "http://x")).rejects.toThrow(/--allowed-host: expected names/);
});
