import { expect, it } from "vitest";
import { ServeError } from "../../core/errors.ts";
import type { UpstreamSpec } from "../../core/upstream.ts";
import type { Clients } from "./clients.ts";
import { describeUpstream } from "./description.ts";

const SPEC = { modelName: "iris", runtime: "own", batchable: false, protocols: [] } as unknown as UpstreamSpec;
const SILENT = new ServeError("UNAVAILABLE", "port 8081 takes no connections");
const never = new AbortController().signal;

/** A server whose gRPC is silent for so many questions. */
function silentFor(questions: number): Pick<Clients, "get"> {
  const grpc = async (): Promise<object> => {
    if (questions-- > 0) throw SILENT;
    return { platform: "by gRPC", version: "", signature: { accepts: "json", inputs: [], outputs: [] } };
  };
  const http = async (): Promise<object> => ({ platform: "by HTTP", version: "", signature: { accepts: "json", inputs: [], outputs: [] } });
  return { get: (protocol) => ({ "grpc-v2": { describe: grpc }, v2: { describe: http } })[protocol as string] as never };
}

it("takes what gRPC tells, which may come later", async () => {
  expect(await describeUpstream(SPEC, silentFor(10) as Clients, async () => undefined, never)).toMatchObject({
    framework: "by gRPC",
    warnings: [],
  });
});

it("does without a port for gRPC on which nothing listens, and says so", async () => {
  expect(await describeUpstream(SPEC, silentFor(1e9) as Clients, async () => undefined, never)).toMatchObject({
    framework: "by HTTP",
    warnings: ["its server does not answer over gRPC, and is asked over HTTP: port 8081 takes no connections"],
  });
});
