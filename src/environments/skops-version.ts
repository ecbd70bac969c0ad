import { type Entry, openPromise, type ZipFile } from "yauzl";

/** What a skops file, a zip archive, says of its objects. */
const SCHEMA = "schema.json";
/** Bytes of a schema that are looked through, uncompressed. */
const SCHEMA_BYTES = 1 << 28;
/** `"_sklearn_version": {..., "content": "\"1.8.0\""}`: the attribute of an estimator, with what skops says of a text. */
const RECORD = /"_sklearn_version":\s*\{[^{}]{0,400}?"content":\s*"\\"([0-9][0-9A-Za-z.+]*)\\""/;
/** Longer than any record. */
const OVERLAP = 1024;

/** The version of scikit-learn that the first estimator of a skops file says it was made with; undefined when there is none, or no such file. */
export async function recordedInSkops(file: string): Promise<string | undefined> {
  let zip: ZipFile;
  try {
    zip = await openPromise(file, { autoClose: false });
  } catch {
    return undefined;
  }
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName === SCHEMA) return await recordedIn(zip, entry);
    }
  } catch {
    // The host says better what is wrong with the file.
  } finally {
    zip.close();
  }
  return undefined;
}

async function recordedIn(zip: ZipFile, entry: Entry): Promise<string | undefined> {
  if (entry.isEncrypted() || entry.uncompressedSize > SCHEMA_BYTES) return undefined;
  const stream = await zip.openReadStreamPromise(entry);
  let rest = "";
  for await (const chunk of stream) {
    const text = rest + (chunk as Buffer).toString("latin1");
    const version = RECORD.exec(text)?.[1];
    if (version !== undefined) {
      stream.destroy();
      return version;
    }
    rest = text.slice(-OVERLAP);
  }
  return undefined;
}
