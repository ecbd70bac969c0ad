import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/core/clock.ts";
import type { HostSpec } from "../src/core/executor.ts";
import { createLocalExecutor, createProcessRecord, createServers } from "../src/executors/index.ts";

/** A process that runs the server of its first argument, a HostSpec as JSON, with the record in its second; for tests that kill it. */
const [spec = "", directory = ""] = process.argv.slice(2);
const record = createProcessRecord(directory);
const onLog = (_name: string, line: string): void => console.log(line);
const bytecodeDirectory = mkdtempSync(join(tmpdir(), "nitrous-bytecode-"));
const objects = { secrets: undefined, configMaps: undefined };
const servers = createServers({ onLog, record, objects, clock: systemClock, python: undefined, bytecodeDirectory, hidden: [] });
const executor = createLocalExecutor({ onLog, record, loadsBehind: false, servers });
const endpoint = executor.start(JSON.parse(spec) as HostSpec);
while (endpoint.pid === 0) await new Promise((resolve) => setTimeout(resolve, 5));
await record.written();
console.log(`launcher ${endpoint.pid}`);
await endpoint.exited;
