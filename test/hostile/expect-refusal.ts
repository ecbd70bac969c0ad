import { homedir, tmpdir } from "node:os";
import { expect } from "vitest";
import type { Attack } from "./attack.ts";
import type { Reply } from "./wire.ts";

/** A model that no answer about another one may name. */
export const NEIGHBOUR = "wombat-of-another-tenant";
const LONGEST_ERROR = 4096;

/** Nothing that a client should not know: paths, stacks, other models. */
function expectNoLeak(text: string, folder: string): void {
  expect(text.length).toBeLessThan(LONGEST_ERROR);
  for (const secret of [folder, process.cwd(), homedir(), tmpdir(), NEIGHBOUR, "node_modules", "node:internal"]) {
    expect(text).not.toContain(secret);
  }
  expect(text).not.toMatch(/\bat \S+ \(|\.[mc]?[jt]s:\d+|file:\/\/|internal error/);
}

/** The reply has the attack's status and its protocol's error body, and tells nothing else. */
export function expectRefusal(attack: Pick<Attack, "status" | "body">, reply: Reply | undefined, folder: string): void {
  expect(reply?.status, reply?.body).toBe(attack.status);
  const text = reply?.body ?? "";
  expectNoLeak(text, folder);
  expect(reply?.headers.get("content-type")).toBe("application/json");
  const body = JSON.parse(text) as Record<string, unknown>;
  if (attack.body === "Status") expect(body).toMatchObject({ kind: "Status", status: "Failure", code: attack.status });
  else expect(typeof body.error === "string" && body.error !== "").toBe(true);
}
