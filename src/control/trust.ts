import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import type { ModelSpec, Trust } from "../core/model.ts";
import { ANNOTATIONS } from "../resources/index.ts";
import { PlanError } from "./course.ts";

/** What the annotation nitrous/trust says: a level, or the SHA-256 of the one file that is trusted with everything. */
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

async function sha256Of(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal }) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest("hex");
}
