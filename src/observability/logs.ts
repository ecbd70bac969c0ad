import { styleText } from "node:util";
import { destination, type Logger, pino } from "pino";
import type { Events } from "../core/events.ts";
import { DEFAULT_NAMESPACE } from "../core/model.ts";

export type Level = "debug" | "info" | "warn" | "error" | "silent";

/** Log lines on standard error: plain text for people, JSON for machines. */
export function createLogger(level: Level, format: "text" | "json"): Logger {
  const timestamp = pino.stdTimeFunctions.isoTime;
  if (format === "json") {
    return pino({ level, base: null, timestamp, formatters: { level: (label) => ({ level: label }) } }, destination({ fd: 2, sync: true }));
  }
  return pino({ level, base: null, timestamp }, { write: (line: string) => process.stderr.write(readable(line, process.stderr.isTTY)) });
}

const ERROR = 50;
const WARNING = 40;

function readable(line: string, colour: boolean): string {
  const { level, time, msg = "" } = JSON.parse(line) as { level: number; time: string; msg?: string };
  if (!colour) return `${time} ${msg}\n`;
  const text = `${styleText("dim", time.slice(11, 19))} ${msg}\n`;
  return level >= ERROR ? styleText("red", text) : level >= WARNING ? styleText("yellow", text) : text;
}

/** Turns what is announced inside the server into log lines; returns the function that ends it. */
export function logEvents(events: Events, log: Logger): () => void {
  const said = new Map<string, string>();
  const ends = [
    events.on("model-state-changed", ({ namespace, name, version, state, reason }) => {
      const model = `${namespace === DEFAULT_NAMESPACE ? "" : `${namespace}/`}${name}/${version}`;
      const text = `${model} ${state}${reason === "" ? "" : `: ${reason}`}`;
      if (said.get(model) === text) return;
      said.set(model, text);
      if (state === "failed" || state === "registered") log.warn(text);
      else log.info(text);
    }),
    events.on("service-event", ({ type, reason, message, about: { namespace, name } }) => {
      if (type === "Warning") log.warn(`${namespace === undefined ? "" : `${namespace}/`}${name} ${reason}: ${message}`);
    }),
    events.on("inline-changed", ({ namespace, model, version, inline, reason }) => {
      const name = `${namespace === DEFAULT_NAMESPACE ? "" : `${namespace}/`}${model}/${version}`;
      log.debug(`${name} is ${inline ? "answered" : "not answered"} inline: ${reason}`);
    }),
    events.on("resource-rejected", ({ place, reason }) => log.warn(`${place}: not applied: ${reason}`)),
    events.on("access-notice", ({ text, problem }) => (problem ? log.warn(text) : log.info(text))),
    events.on("host-log", ({ host, line }) => log.debug(`${host} | ${line}`)),
  ];
  return () => {
    for (const end of ends) end();
  };
}
