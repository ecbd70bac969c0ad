import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { messageOf } from "../core/errors.ts";
import type { LogSettings } from "../core/log-settings.ts";

/**
 * Adds lines to the file that the settings name at that moment. A link is not followed: who may name a file must not choose where it leads.
 * What cannot be written is said once for each file.
 */
export function createLogFile(settings: LogSettings, onProblem: (text: string) => void): (line: string) => void {
  let path = "";
  let descriptor: number | undefined;
  return (line) => {
    if (settings.file !== path) {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
      path = settings.file;
      if (path === "") return;
      try {
        descriptor = openFile(path);
      } catch (error) {
        onProblem(`the log file cannot be written: ${messageOf(error)}`);
      }
    }
    if (descriptor === undefined) return;
    try {
      writeSync(descriptor, line);
    } catch (error) {
      closeSync(descriptor);
      descriptor = undefined;
      onProblem(`the log file cannot be written any more: ${messageOf(error)}`);
    }
  };
}

// Opening a pipe waits for its reader, and with it the whole server.
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** @throws for what is no regular file, and the file system's errors */
function openFile(path: string): number {
  const descriptor = openSync(path, FLAGS, 0o600);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw new Error(`${path} is not a regular file`);
}
