import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import type { RequestRecord } from "../core/context.ts";
import { messageOf } from "../core/errors.ts";
import type { Events } from "../core/events.ts";
import { type TraceSetting, type TraceSettings, traceSettingOf } from "../core/trace-settings.ts";

export interface TritonTracesOptions {
  readonly settings: TraceSettings;
  readonly events: Events;
  /** Told what whoever runs the server should know. */
  readonly onNotice: (text: string) => void;
}

/** Bytes that wait for a slow disk; traces beyond them are left out. */
const MOST_WAITING = 16 * 1024 * 1024;

/**
 * Writes traces of requests as Triton's trace extension has them: a file with one JSON array, where each trace is the model and then the
 * nanoseconds at which its stages began. Nothing is opened before the first trace.
 */
export function openTritonTraces({ settings, events, onNotice }: TritonTracesOptions): { close(): Promise<void> } {
  /** Requests that were seen of each setting: those of models with their own, and of all others together. */
  const seen = new Map<string, number>();
  let stream: WriteStream | undefined;
  let written = 0;
  let files = 0;
  let traces = 0;

  function write(record: RequestRecord, { logFrequency }: TraceSetting): void {
    if (stream === undefined) {
      stream = createWriteStream(logFrequency > 0 ? `${settings.file}.${files++}` : settings.file, { mode: 0o600 });
      stream.on("error", (error) => onNotice(`traces cannot be written: ${messageOf(error)}`));
      written = 0;
    }
    if (stream.writableLength > MOST_WAITING) return;
    traces++;
    stream.write(`${written === 0 ? "[" : ",\n"}${textOf(traces, record)}`);
    written++;
    if (logFrequency > 0 && written >= logFrequency) end();
  }

  function end(): WriteStream | undefined {
    const ended = stream;
    stream = undefined;
    ended?.end("]\n");
    return ended;
  }

  const unsubscribe = events.on("request-finished", (record) => {
    if (settings.file === "" || record.version === "") return;
    const model = `${record.namespace}/${record.model}`;
    const own = settings.models.get(model);
    const setting = own === undefined ? settings.global : traceSettingOf(settings, model);
    if (setting.level === "OFF" || setting.rate === 0 || setting.count === 0) return;
    const key = own === undefined ? "" : model;
    const requests = (seen.get(key) ?? 0) + 1;
    seen.set(key, requests % setting.rate);
    if (requests % setting.rate !== 0) return;
    if (setting.count > 0) {
      const counting = own?.count === undefined ? settings.global : own;
      counting.count = setting.count - 1;
    }
    write(record, setting);
  });
  return {
    async close() {
      unsubscribe();
      const ended = end();
      if (ended !== undefined && !ended.closed && !ended.errored) await once(ended, "close").catch(() => undefined);
    },
  };
}

function textOf(id: number, record: RequestRecord): string {
  const { model, version, startedAt, queuedAt, queueMs, computeMs, finishedAt } = record;
  const begun = queuedAt + queueMs;
  const stages: Array<[string, number]> = [["REQUEST_START", startedAt]];
  if (queuedAt > 0) stages.push(["QUEUE_START", queuedAt], ["COMPUTE_START", begun], ["COMPUTE_END", begun + computeMs]);
  stages.push(["REQUEST_END", finishedAt]);
  const timestamps = stages.map(([name, at]) => ({ name, ns: Math.round(at * 1e6) }));
  const head = JSON.stringify({ id, model_name: model, model_version: Number(version) });
  return `${head},\n${JSON.stringify({ id, timestamps })}`;
}
