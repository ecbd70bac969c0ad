import { expect } from "vitest";

/** How a request ended: well, refused as it should be, too early for a model that was killed, or left by its client. */
export type Outcome = "answered" | "refused" | "unavailable" | "disconnected";

export interface Soak {
  readonly url: string;
  readonly random: () => number;
  /** A number that no other request has, so that no two requests look the same to the quarantine. */
  readonly unique: () => number;
  /** Whether a kill explains that a model does not answer now. */
  readonly isExcused: (model: string) => boolean;
}

/** Each answers how it ended, and throws for any other end: a wrong value, a 500, an answer of another request. */
export type Operation = (soak: Soak) => Promise<Outcome>;

export interface Body {
  readonly id?: string;
  readonly predictions?: unknown;
  readonly outputs?: ReadonlyArray<{ readonly name: string; readonly data: unknown }>;
}

/** By when an answer must have come, also while its model starts again. */
const DEADLINE_MS = 40_000;

/** Connections are kept and used again. */
export function send(
  url: string,
  body: string | Buffer<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
  method = "POST",
): Promise<Response> {
  return fetch(url, { method, body, headers, signal: AbortSignal.timeout(DEADLINE_MS) });
}

/** The only refusals that nobody asked for are typed ones of a model whose host was killed. */
export async function unavailable({ isExcused }: Soak, model: string, response: Response): Promise<Outcome> {
  const text = await response.text();
  expect([429, 503, 504], `${response.url}: ${text}`).toContain(response.status);
  expect((JSON.parse(text) as { error?: unknown }).error, text).toBeTypeOf("string");
  expect(isExcused(model), `no kill explains ${response.status} of ${model}: ${text}`).toBe(true);
  return "unavailable";
}

/** Sends JSON to a model and checks what it answers. */
export async function post(soak: Soak, model: string, path: string, sent: object, check: (body: Body) => void): Promise<Outcome> {
  const response = await send(soak.url + path, JSON.stringify(sent));
  if (response.status !== 200) return await unavailable(soak, model, response);
  check((await response.json()) as Body);
  return "answered";
}

/** A request with a fault; a model that is down may say so first. */
export async function refused(soak: Soak, model: string, status: number, response: Response): Promise<Outcome> {
  if (response.status === 503) return await unavailable(soak, model, response);
  const text = await response.text();
  expect(response.status, text).toBe(status);
  expect((JSON.parse(text) as { error?: unknown }).error, text).toBeTypeOf("string");
  return "refused";
}

export function outputOf({ outputs }: Body, name: string): unknown {
  return outputs?.find((output) => output.name === name)?.data;
}

/** Rows of the iris data that no other request has, and their labels, which no noise of this size changes. */
export function flowers({ random, unique }: Soak, rows: number): { features: number[][]; labels: number[] } {
  const labels = Array.from({ length: rows }, () => (random() < 0.5 ? 0 : 2));
  const features = labels.map((label) => {
    const number = unique();
    const noise = [number % 1000, Math.floor(number / 1000) % 1000, Math.floor(number / 1e6)].map((digits) => digits / 1e5) as [
      number,
      number,
      number,
    ];
    return label === 0 ? [5.1 + noise[2], 3.5, 1.4 + noise[0], 0.2 + noise[1]] : [6.3 + noise[2], 3.3, 6 + noise[0], 2.5 + noise[1]];
  });
  return { features, labels };
}
