import { styleText } from "node:util";
import { destination, type Logger, pino } from "pino";
import type { Events } from "../core/events.ts";

export type Level = "debug" | "info" | "warn" | "error" | "silent";

/** Log lines on standard error: plain text on a terminal, JSON elsewhere. */
export function createLogger(level: Level): Logger {
  if (process.stderr.isTTY) return pino({ level, base: null }, { write: (line: string) => process.stderr.write(pretty(line)) });
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    destination({ fd: 2, sync: true }),
  );
}

function pretty(line: string): string {
  const { level, time, msg } = JSON.parse(line) as { level: number; time: number; msg?: string };
  const text = `${styleText("dim", new Date(time).toLocaleTimeString("en-GB"))} ${msg ?? ""}\n`;
  return level >= 50 ? styleText("red", text) : level >= 40 ? styleText("yellow", text) : text;
}

/** Turns what is announced inside the server into log lines; returns the function that ends it. */
export function logEvents(events: Events, log: Logger): () => void {
  const said = new Map<string, string>();
  const ends = [
    events.on("model-state-changed", ({ name, version, state, reason }) => {
      const text = `${name}/${version} ${state}${reason === "" ? "" : `: ${reason}`}`;
      if (said.get(`${name}/${version}`) === text) return;
      said.set(`${name}/${version}`, text);
      if (state === "failed" || state === "registered") log.warn(text);
      else log.info(text);
    }),
    events.on("host-log", ({ host, line }) => log.debug(`${host} | ${line}`)),
  ];
  return () => {
    for (const end of ends) end();
  };
}
