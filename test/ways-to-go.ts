import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serviceText } from "./manifest-files.ts";
import { type ServerProcess, startServer, untilLoaded } from "./server-process.ts";
import { applyReady, ask } from "./service-process.ts";
import { createStubbornModel, type StubbornModel } from "./stubborn-model.ts";

const SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices";
const NAME = "stubborn";

/** Every way in which a model can go, for one language and one setting of the isolation. */
export function describeWaysToGo(format: "python" | "typescript", isolation: "off" | "auto"): void {
  describe(`a ${format} model whose child leaves its session and ignores SIGTERM, isolation ${isolation}`, () => {
    const flags = ["--isolation", isolation];
    let model: StubbornModel;
    let server: ServerProcess;

    beforeEach(async () => {
      model = await createStubbornModel(format);
    });

    afterEach(async () => {
      await server.stop("SIGKILL");
      for (const pid of model.strays()) process.kill(pid, "SIGKILL");
      await model.remove();
    });

    async function serveIt(): Promise<void> {
      server = await startServer([model.directory], flags);
      await untilLoaded(server);
      expect(await predict(0)).toEqual({ predictions: [0] });
      expect(model.strays()).toHaveLength(1);
    }

    async function predict(crash: number): Promise<unknown> {
      return (await ask(server.url, `/v1/models/${NAME}:predict`, { instances: [crash] })).body;
    }

    async function untilGone(pids: readonly number[]): Promise<void> {
      while (model.strays().some((pid) => pids.includes(pid))) await delay(20);
    }

    it("leaves nothing when the server is killed", async () => {
      await serveIt();
      server.child.kill("SIGKILL");
      await once(server.child, "exit");
      await untilGone(model.strays());
    });

    it("leaves nothing when the server stops", async () => {
      await serveIt();
      expect(await server.stop()).toBe(0);
      expect(model.strays()).toEqual([]);
    });

    it("leaves nothing when the host crashes, and starts again", async () => {
      await serveIt();
      const strays = model.strays();
      await predict(1);
      await untilGone(strays);
      while ((await ask(server.url, `/v2/models/${NAME}/ready`)).status !== 200) await delay(50);
      expect(await predict(0)).toEqual({ predictions: [0] });
      expect(model.strays()).toHaveLength(1);
    });

    it("leaves nothing when the host is killed", async () => {
      await serveIt();
      const strays = model.strays();
      process.kill(hostOf(strays[0] as number), "SIGKILL");
      await untilGone(strays);
    });

    it("leaves nothing when the model is deleted", async () => {
      server = await startServer([], flags);
      const annotations = { "nitrous/trust": "code" };
      const manifest = join(model.directory, "..", "service.yaml");
      await writeFile(manifest, serviceText({ name: NAME, format, uri: model.directory, minReplicas: 1, annotations }));
      await applyReady(server.url, [manifest]);
      expect(model.strays()).toHaveLength(1);
      expect((await fetch(`${server.url}${SERVICES}/${NAME}`, { method: "DELETE" })).status).toBe(200);
      await untilGone(model.strays());
    });
  });
}

export function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** The stray has become a child of the launcher, or of the first process of a namespace; the host is the other child of either. */
function hostOf(stray: number): number {
  const parent = parentOf(stray);
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").trim().split(" ").map(Number);
  return children.find((pid) => pid !== stray) as number;
}
