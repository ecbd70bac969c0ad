import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ModelSpec, Trust } from "../core/model.ts";
import { ANNOTATIONS } from "../resources/index.ts";
import { PlanError } from "./course.ts";

/** What the annotation nitrous/trust says: a level, or the SHA-256 of the one file or folder that is trusted with everything. */
export type TrustRule = Trust | { readonly sha256: string };

const FILE = /^sha256:([0-9a-f]{64})$/i;

/** @throws PlanError InvalidPredictorSpec when the value is none of those that are known */
export function readTrust(value: string | undefined): TrustRule | undefined {
  if (value === undefined || value === "pickle" || value === "code") return value;
  const sha256 = FILE.exec(value)?.[1]?.toLowerCase();
  if (sha256 !== undefined) return { sha256 };
  throw new PlanError(
    "InvalidPredictorSpec",
    `the annotation ${ANNOTATIONS.trust} is ${JSON.stringify(value)}; expected pickle, code, or sha256: and 64 hexadecimal digits`,
  );
}

/**
 * The level of trust in one version. It is looked up before its host starts, in the file that the host then reads.
 * @throws PlanError InvalidPredictorSpec for another file than the trusted one, and for code that is not trusted; the reason of
 * the signal
 */
export async function trustIn(spec: ModelSpec, rule: TrustRule | undefined, signal: AbortSignal): Promise<Trust | undefined> {
  if (typeof rule !== "object") return rule;
  const found = await sha256Of(spec.file, signal);
  if (found === rule.sha256) return "code";
  const hint = `if you trust the new file, write ${ANNOTATIONS.trust}: sha256:${found}`;
  throw new PlanError("InvalidPredictorSpec", `${basename(spec.file)} is not the file that ${ANNOTATIONS.trust} trusts; ${hint}`);
}

/**
 * Of a file what `sha256sum` prints; of a folder that of the list which `find * -type f | LC_ALL=C sort | xargs sha256sum` prints in it.
 */
async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  if (!(await stat(path)).isDirectory()) return await sha256OfFile(path, signal);
  const files: string[] = [];
  for (const name of await readdir(path, { recursive: true })) {
    // As the shell's asterisk: what begins with a point at the top is not part of it.
    if (!name.startsWith(".") && (await stat(join(path, name))).isFile()) files.push(name);
  }
  const list = createHash("sha256");
  for (const name of files.sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))) {
    list.update(`${await sha256OfFile(join(path, name), signal)}  ${name}\n`);
  }
  return list.digest("hex");
}

async function sha256OfFile(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal }) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest("hex");
}
