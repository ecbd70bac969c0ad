import { expect } from "vitest";

/** How a request ended: well, refused as it should be, too early for a model that was killed, or left by its client. */
export type Outcome = "answered" | "refused" | "unavailable" | "disconnected";

export interface Soak {
  readonly url: string;
  readonly random: () => number;
  /** A number that no other request has. */
  readonly unique: () => number;
}

/** Each answers how it ended, and throws for any other end: a wrong value, a 500, an answer of another request. */
export const OPERATIONS: Readonly<Record<string, (soak: Soak) => Promise<Outcome>>> = {
  "V2, ONNX": async ({ url, unique }) => {
    const noise = unique() / 1e9;
    const tensor = { name: "features", shape: [2, 4], datatype: "FP32", data: [5.1, 3.5, 1.4, 0.2 + noise, 6.3, 3.3, 6, 2.5 + noise] };
    return await post(`${url}/v2/models/iris-onnx/infer`, { id: String(unique()), inputs: [tensor] }, (body, sent) => {
      expect(body.id).toBe(sent.id);
      expect(outputOf(body, "label")).toEqual([0, 2]);
    });
  },
  "V1, scikit-learn": ({ url, unique }) =>
    post(`${url}/v1/models/iris:predict`, { instances: [[5.1, 3.5, 1.4, 0.2 + unique() / 1e9]] }, ({ predictions }) => {
      expect(predictions).toEqual([0]);
    }),
  "V2, TypeScript": ({ url, unique }) => {
    const words = Array.from({ length: 1 + (unique() % 7) }, () => unique().toString(36));
    const inputs = [{ name: "text", shape: [1], datatype: "BYTES", data: [words.join(" ")] }];
    return post(`${url}/v2/models/text-stats/infer`, { inputs }, (body) => {
      expect(outputOf(body, "words")).toEqual([words.length]);
      expect(outputOf(body, "characters")).toEqual([words.join(" ").length]);
    });
  },
  "a stream": async ({ url, unique }) => {
    const start = 1 + (unique() % 5);
    const response = await send(`${url}/v1/models/countdown:predict`, {
      instances: [start],
      parameters: { pause: 0.001 + unique() / 1e12 },
    });
    if (response.status !== 200) return await refusalOf(response);
    const numbers = (await response.text())
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { predictions?: number[] }).predictions?.[0]);
    // A stream whose host is killed ends with an error as its last piece.
    if (numbers.at(-1) === undefined) return "unavailable";
    expect(numbers).toEqual(Array.from({ length: start }, (_, index) => start - index));
    return "answered";
  },
  "a service that changes": ({ url, unique }) =>
    post(`${url}/v1/models/changing:predict`, { instances: [[5.1, 3.5, 1.4, 0.2 + unique() / 1e9]] }, ({ predictions }) => {
      expect(predictions).toEqual([0]);
    }),
  "a service that stands by": ({ url, unique }) => {
    const tensor = { name: "features", shape: [1, 4], datatype: "FP32", data: [6.3, 3.3, 6, 2.5 + unique() / 1e9] };
    return post(`${url}/v2/models/standing-by/infer`, { inputs: [tensor] }, (body) => expect(outputOf(body, "label")).toEqual([2]));
  },
  "an unknown model": async ({ url }) => await refused(await send(`${url}/v1/models/nobody:predict`, { instances: [1] }), 404),
  "a wrong shape": async ({ url, unique }) => await refused(await send(`${url}/v1/models/iris:predict`, { instances: [[unique()]] }), 400),
  "broken JSON": async ({ url }) =>
    await refused(await fetch(`${url}/v2/models/iris-onnx/infer`, { method: "POST", body: '{"inputs":' }), 400),
  "a client that leaves": async ({ url, random, unique }) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), random() * 15);
    try {
      const body = JSON.stringify({ instances: [20], parameters: { pause: 0.01 + unique() / 1e12 } });
      await (await fetch(`${url}/v1/models/countdown:predict`, { method: "POST", body, signal: controller.signal })).text();
      return "answered";
    } catch {
      return "disconnected";
    }
  },
  "a watch": async ({ url, random }) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), random() * 200);
    try {
      await (await fetch(`${url}/apis/serving.kserve.io/v1beta1/inferenceservices?watch=1`, { signal: controller.signal })).text();
      return "answered";
    } catch {
      return "disconnected";
    }
  },
  "the list of services": async ({ url }) => {
    expect((await fetch(`${url}/apis/serving.kserve.io/v1beta1/inferenceservices`)).status).toBe(200);
    return "answered";
  },
};

interface Body {
  readonly id?: string;
  readonly predictions?: unknown;
  readonly outputs?: ReadonlyArray<{ readonly name: string; readonly data: unknown }>;
}

function send(url: string, body: object): Promise<Response> {
  return fetch(url, { method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(70_000) });
}

async function post<Sent extends object>(url: string, sent: Sent, check: (body: Body, sent: Sent) => void): Promise<Outcome> {
  const response = await send(url, sent);
  if (response.status !== 200) return await refusalOf(response);
  check((await response.json()) as Body, sent);
  return "answered";
}

/** Only what a kill explains. */
async function refusalOf(response: Response): Promise<Outcome> {
  const text = await response.text();
  expect([429, 503, 504], `${response.url}: ${text}`).toContain(response.status);
  return "unavailable";
}

async function refused(response: Response, status: number): Promise<Outcome> {
  const text = await response.text();
  if (response.status === 503) return "unavailable";
  expect(response.status, text).toBe(status);
  expect((JSON.parse(text) as { error?: string }).error).not.toBe("");
  return "refused";
}

function outputOf({ outputs }: Body, name: string): unknown {
  return outputs?.find((output) => output.name === name)?.data;
}
