export function countWords(line: string): number {
  return line.split(/\s+/).filter((word) => word !== "").length;
}
