/** The value of a flag in either of its forms, `--name=value` and `--name value`; the last one where there are several. */
export function flagValue(words: readonly string[], flag: string): string | undefined {
  let value: string | undefined;
  for (const [index, word] of words.entries()) {
    if (word.startsWith(`${flag}=`)) value = word.slice(flag.length + 1);
    else if (word === flag) value = words[index + 1];
  }
  return value;
}
