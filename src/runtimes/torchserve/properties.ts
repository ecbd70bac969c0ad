/** The settings of a Java properties file, without what only makes it shorter: escapes and lines that go on in the next. */
export function readProperties(text: string): Map<string, string> {
  const lines = text.replace(/\\\r?\n\s*/g, "").split(/\r?\n/);
  const settings = new Map<string, string>();
  for (const line of lines) {
    const found = /^\s*([^#!\s=:][^\s=:]*)\s*[=:\s]\s*(.*)$/.exec(line);
    if (found?.[1] !== undefined) settings.set(found[1], (found[2] ?? "").trim());
  }
  return settings;
}

export function writeProperties(settings: ReadonlyMap<string, string>): string {
  return [...settings].map(([name, value]) => `${name}=${value.replaceAll(/[\r\n]/g, " ")}\n`).join("");
}
