import { isAbsolute, join } from "node:path";
import type { UpstreamProtocol } from "../core/upstream.ts";
import { ANNOTATIONS } from "./annotations.ts";
import type { FieldPath, Finding } from "./field-path.ts";

type Annotations = Readonly<Record<string, string>>;

const PROTOCOLS: readonly UpstreamProtocol[] = ["v1", "v2", "grpc-v2", "openai"];
const SCHEMES = ["http:", "https:", "grpc:"];

/** What annotations say of the server that answers for a service's models; each of them may be on the service or on its runtime. */
export interface ServerAnnotations {
  /** Of a server elsewhere. */
  readonly url: string | undefined;
  readonly runAs: "process" | "container" | undefined;
  readonly network: "private" | "host" | undefined;
  readonly batch: boolean | undefined;
  readonly openai: boolean | undefined;
  readonly protocols: readonly UpstreamProtocol[] | undefined;
  readonly modelName: string | undefined;
  readonly program: string | undefined;
  /** Absolute, unless nobody knows where it begins. */
  readonly requirements: string | undefined;
}

/** Those that decide which server runs, and how it is asked. */
export const SERVER_ANNOTATIONS: readonly string[] = [
  ANNOTATIONS.url,
  ANNOTATIONS.runAs,
  ANNOTATIONS.network,
  ANNOTATIONS.batch,
  ANNOTATIONS.openai,
  ANNOTATIONS.protocols,
  ANNOTATIONS.modelName,
  ANNOTATIONS.program,
  ANNOTATIONS.requirements,
];

/** Of a runtime and of a service, whose own count more; what is not valid was refused before. */
export function serverAnnotations(runtime: Annotations, service: Annotations): ServerAnnotations {
  const textOf = (name: string): string | undefined => service[name] ?? runtime[name];
  const flagOf = (name: string): boolean | undefined => (textOf(name) === undefined ? undefined : textOf(name) === "true");
  const [runAs, network, protocols] = [textOf(ANNOTATIONS.runAs), textOf(ANNOTATIONS.network), textOf(ANNOTATIONS.protocols)];
  return {
    url: textOf(ANNOTATIONS.url),
    runAs: runAs === "process" || runAs === "container" ? runAs : undefined,
    network: network === "private" || network === "host" ? network : undefined,
    batch: flagOf(ANNOTATIONS.batch),
    openai: flagOf(ANNOTATIONS.openai),
    protocols: protocols === undefined ? undefined : protocolsIn(protocols),
    modelName: textOf(ANNOTATIONS.modelName),
    program: textOf(ANNOTATIONS.program),
    requirements: requirementsOf(service) ?? requirementsOf(runtime),
  };
}

/** A path that is relative begins where its resource was written. */
export function pathFrom(path: string, annotations: Annotations): string {
  const base = annotations[ANNOTATIONS.baseDirectory];
  return base === undefined || isAbsolute(path) ? path : join(base, path);
}

function requirementsOf(annotations: Annotations): string | undefined {
  const written = annotations[ANNOTATIONS.requirements];
  return written === undefined ? undefined : pathFrom(written, annotations);
}

/** What is wrong with them, on a service or a runtime. */
export function serverFindings(annotations: Annotations): Finding[] {
  return [
    ...check(annotations, ANNOTATIONS.url, "http://HOST:PORT, https://HOST or grpc://HOST:PORT, without a user", isServerUrl),
    ...check(annotations, ANNOTATIONS.runAs, '"process" or "container"', (text) => text === "process" || text === "container"),
    ...check(annotations, ANNOTATIONS.network, '"private" or "host"', (text) => text === "private" || text === "host"),
    ...check(annotations, ANNOTATIONS.batch, '"true" or "false"', isFlag),
    ...check(annotations, ANNOTATIONS.openai, '"true" or "false"', isFlag),
    ...check(annotations, ANNOTATIONS.protocols, `some of ${PROTOCOLS.join(", ")}`, (text) => protocolsIn(text) !== undefined),
    ...check(annotations, ANNOTATIONS.requirements, "the path of a requirements.txt", (text) => text.trim() !== ""),
    ...check(annotations, ANNOTATIONS.modelName, "the name that the server has for the model", (text) => text.trim() !== ""),
  ];
}

function check(annotations: Annotations, name: string, expected: string, accepts: (text: string) => boolean): Finding[] {
  const text = annotations[name];
  if (text === undefined || accepts(text)) return [];
  const path: FieldPath = ["metadata", "annotations", name];
  return [{ path, message: `expected ${expected}, found ${JSON.stringify(text)}` }];
}

function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return SCHEMES.includes(url.protocol) && url.hostname !== "" && url.username === "" && url.password === "";
}

function isFlag(text: string): boolean {
  return text === "true" || text === "false";
}

function protocolsIn(text: string): UpstreamProtocol[] | undefined {
  const names = text.split(",").map((name) => name.trim());
  const known = PROTOCOLS.filter((protocol) => names.includes(protocol));
  if (known.length === 0 || names.some((name) => !(PROTOCOLS as readonly string[]).includes(name))) return undefined;
  // In the order in which they were written.
  return [...known].sort((left, right) => names.indexOf(left) - names.indexOf(right));
}
