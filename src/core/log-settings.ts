export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Which lines are logged and how. Clients may change it while the server runs, as Triton's logging extension lets them. */
export interface LogSettings {
  /** File that gets the lines too, absolute; empty for none. */
  file: string;
  info: boolean;
  warning: boolean;
  error: boolean;
  /** 0 for none; from 1 on lines for debugging. */
  verboseLevel: number;
  /** `ISO8601`: times with their date and time zone also on a terminal. */
  format: "default" | "ISO8601";
}

/** What the setting log-level says. */
export function logSettingsOf(level: LogLevel): LogSettings {
  const severity = ["debug", "info", "warn", "error", "silent"].indexOf(level);
  return {
    file: "",
    info: severity <= 1,
    warning: severity <= 2,
    error: severity <= 3,
    verboseLevel: severity === 0 ? 1 : 0,
    format: "default",
  };
}

/** Whether a line of this level is logged. */
export function isLogged(level: Exclude<LogLevel, "silent">, { info, warning, error, verboseLevel }: LogSettings): boolean {
  return { debug: verboseLevel > 0, info, warn: warning, error }[level];
}
