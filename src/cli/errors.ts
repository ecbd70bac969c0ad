/** What a command tells the person who typed it, instead of a stack trace. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Nobody listens where the server should be. */
export class NoServerError extends CliError {}
