import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { readDocuments } from "./read-documents.ts";
import type { ValidDocument } from "./valid-document.ts";
import { validateDocument } from "./validate-document.ts";

/** The runtimes in a folder's .yaml files, by file name. @throws InvalidResourceError, or what reading the folder throws */
export function readBuiltInRuntimes(directory: string): readonly ValidDocument[] {
  const files = readdirSync(directory).filter((file) => extname(file) === ".yaml");
  return files.sort().flatMap((file) => {
    const documents = readDocuments(readFileSync(join(directory, file), "utf8"), file);
    return documents.map(({ value, lineOf }) => validateDocument(value, { lineOf }));
  });
}
