/** A command of a document and what it prints; "…" stands for anything. */
export interface ConsoleCommand {
  readonly command: string;
  readonly output: string;
}

/** Commands after "$ " in the console blocks of a Markdown text, each with what is printed below it. */
export function consoleCommands(markdown: string): ConsoleCommand[] {
  return [...markdown.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block = ""]) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const [command = "", ...output] = text.trimEnd().split("\n");
        return { command, output: output.join("\n") };
      }),
  );
}

/** What a command printed has to match. */
export function expectedOutput(output: string): RegExp {
  const parts = output.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

/** The text of the first block that begins with a fence such as "```yaml\n". */
export function blockAfter(markdown: string, fence: string): string {
  const start = markdown.indexOf(fence) + fence.length;
  return markdown.slice(start, markdown.indexOf("```", start));
}
