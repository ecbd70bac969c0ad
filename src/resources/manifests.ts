import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, ServeError } from "../core/errors.ts";
import { InvalidResourceError } from "../core/resource.ts";
import { type Origin, withOrigin } from "./origin.ts";
import { type ReadDocument, readDocuments } from "./read-documents.ts";
import type { ValidDocument } from "./valid-document.ts";
import { validateDocument } from "./validate-document.ts";

/** A resource in a file. */
export interface Manifest {
  readonly document: ValidDocument;
  readonly file: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

/** Something that is wrong with a file of resources. */
export interface ManifestProblem {
  /** The file, with a line when one is known: `iris.yaml:7`. */
  readonly place: string;
  readonly message: string;
}

export interface Manifests {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly ManifestProblem[];
}

/**
 * All resources of some files, with everything that is wrong with them.
 * @param appliedFrom absolute path that they belong to, for pruning
 * @param namespace of those that name none
 */
export async function readManifests(files: readonly string[], appliedFrom: string, namespace?: string): Promise<Manifests> {
  const manifests: Manifest[] = [];
  const problems: ManifestProblem[] = [];
  for (const file of files) {
    try {
      const text = await readFile(file, "utf8");
      const read = manifestsIn(text, file, { appliedFrom, baseDirectory: dirname(file) }, namespace);
      manifests.push(...read.manifests);
      problems.push(...read.problems);
    } catch (error) {
      problems.push({ place: file, message: `it cannot be read: ${messageOf(error)}` });
    }
  }
  const { unique, repeated } = withoutDuplicates(manifests);
  return { manifests: unique, problems: [...problems, ...repeated] };
}

/** The resources of one text. `file` is its name in messages. */
function manifestsIn(text: string, file: string, origin: Origin, namespace?: string): Manifests {
  const manifests: Manifest[] = [];
  const problems: ManifestProblem[] = [];
  const check = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      problems.push(...problemsOf(error, file));
    }
  };
  let documents: readonly ReadDocument[] = [];
  check(() => {
    documents = readDocuments(text, file);
  });
  for (const { value, line, lineOf } of documents) {
    check(() => {
      const document = validateDocument(value, { lineOf, ...(namespace === undefined ? {} : { namespace }) });
      manifests.push({ document: withOrigin(document, origin), file, line });
    });
  }
  return { manifests, problems };
}

function problemsOf(error: unknown, file: string): ManifestProblem[] {
  if (!(error instanceof InvalidResourceError)) throw ServeError.from(error, "INTERNAL", messageOf(error));
  return error.problems.map(({ path, line, message }) => ({
    place: line === undefined ? file : `${file}:${line}`,
    message: path === "" ? message : `${path}: ${message}`,
  }));
}

/** The first of each name stays: both together would replace each other each time that they are applied. */
function withoutDuplicates(manifests: readonly Manifest[]): { unique: Manifest[]; repeated: ManifestProblem[] } {
  const first = new Map<string, Manifest>();
  const repeated = manifests.flatMap((manifest) => {
    const { kind, metadata } = manifest.document;
    const identity = `${kind} ${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
    const before = first.get(identity);
    if (before === undefined) first.set(identity, manifest);
    return before === undefined
      ? []
      : [
          {
            place: `${manifest.file}:${manifest.line}`,
            message: `${identity} is in ${before.file}:${before.line} already; keep one of them`,
          },
        ];
  });
  return { unique: [...first.values()], repeated };
}
