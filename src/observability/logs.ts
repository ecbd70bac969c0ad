import { writeSync } from "node:fs";
import { styleText } from "node:util";
import { type Logger, type LoggerOptions, pino } from "pino";
import type { Events } from "../core/events.ts";
import { isLogged, type LogLevel, type LogSettings } from "../core/log-settings.ts";
import { DEFAULT_NAMESPACE } from "../core/model.ts";
import { createLogFile } from "./log-file.ts";

const LABELS: Readonly<Record<number, Exclude<LogLevel, "silent">>> = { 20: "debug", 30: "info", 40: "warn", 50: "error" };

/** Log lines on standard error, and in the file that the settings name: plain text for people, JSON for machines. */
export function createLogger(settings: LogSettings, form: "text" | "json"): Logger {
  const toFile = createLogFile(settings, (problem) => process.stderr.write(`${problem}\n`));
  const hooks: LoggerOptions["hooks"] = {
    // Not pino's own level: clients may switch each kind of line on and off.
    logMethod(args, method, level) {
      if (isLogged(LABELS[level] ?? "error", settings)) method.apply(this, args);
    },
  };
  const options = { level: "debug", base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks } as const;
  if (form === "json") {
    const write = (line: string): void => {
      writeSync(2, line);
      toFile(line);
    };
    return pino({ ...options, formatters: { level: (label) => ({ level: label }) } }, { write });
  }
  const write = (line: string): void => {
    process.stderr.write(readable(line, process.stderr.isTTY, settings.format));
    toFile(readable(line, false, settings.format));
  };
  return pino(options, { write });
}

const ERROR = 50;
const WARNING = 40;

function readable(line: string, colour: boolean, format: LogSettings["format"]): string {
  const { level, time, msg = "" } = JSON.parse(line) as { level: number; time: string; msg?: string };
  if (!colour) return `${time} ${msg}\n`;
  const text = `${styleText("dim", format === "ISO8601" ? time : time.slice(11, 19))} ${msg}\n`;
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
