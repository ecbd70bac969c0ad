import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import { archiveFormatOf } from "./archive/unpack.ts";
import { compareHashes, sha256Of } from "./checksum.ts";
import type { ContentCache } from "./content-cache.ts";
import { diskError, readRecord, writeRecord } from "./disk.ts";
import type { Fetched } from "./fetched.ts";
import { shownUrl } from "./shown-url.ts";
import { type Downloaded, download } from "./web/download.ts";
import { nameInUrl } from "./web/file-name.ts";
import { PartialFile, Validators } from "./web/partial-file.ts";

/** What was fetched from a URL the last time. The URL itself may hold secrets and is not written down. */
const Note = z.object({ name: z.string(), sha256: z.string(), validators: Validators });

const ATTEMPTS = 5;
/** When there is a copy to fall back on, a server that is away need not hold up the start. */
const ATTEMPTS_WITH_COPY = 2;

/** Files at http:// and https:// URLs. */
export class WebArtefacts {
  readonly #cache: ContentCache;
  readonly #clock: Clock;

  constructor(cache: ContentCache, clock: Clock) {
    this.#cache = cache;
    this.#clock = clock;
  }

  /**
   * The file at a URL, or what it unpacks to. What has been fetched before is used again when the server says that it
   * has not changed, when the server is away, or when it is what the expected hash says; to be called once at a time for a URL.
   * @throws ServeError as Storage.fetch says
   */
  async fetch(url: URL, sha256: string | undefined, say: (line: string) => void, signal: AbortSignal): Promise<Fetched> {
    const notePath = await this.#cache.pathOf("urls", url.href);
    const note = await readRecord(notePath, Note);
    if (sha256 !== undefined) {
      const pinned = await this.#find(sha256, note?.sha256 === sha256 ? note.name : nameInUrl(url));
      if (pinned !== undefined) return pinned;
    }
    const copy = sha256 === undefined && note !== undefined ? await this.#find(note.sha256, note.name) : undefined;
    const partial = new PartialFile(await this.#cache.pathOf("downloads", url.href));
    let downloaded: Downloaded | undefined;
    try {
      downloaded = await download(url, partial, {
        ...(copy === undefined || note === undefined ? {} : { known: note.validators }),
        attempts: copy === undefined ? ATTEMPTS : ATTEMPTS_WITH_COPY,
        clock: this.#clock,
        say,
        signal,
      });
    } catch (thrown) {
      signal.throwIfAborted();
      const error = diskError(thrown, this.#cache.directory);
      if (error instanceof ServeError && error.code === "RESOURCE_EXHAUSTED") await partial.discard();
      if (copy === undefined || !(error instanceof ServeError) || error.code !== "UNAVAILABLE") throw error;
      say(`${error.message}; using the copy that was fetched before`);
      return copy;
    }
    if (downloaded === undefined) {
      if (copy === undefined) throw new Error("nothing was downloaded, and nothing was there");
      say(`${shownUrl(url)} has not changed; using the copy that was fetched before`);
      return copy;
    }
    return await this.#keep(url, downloaded, partial, notePath, sha256, say, signal);
  }

  async #keep(
    url: URL,
    { name, validators }: Downloaded,
    partial: PartialFile,
    notePath: string,
    expected: string | undefined,
    say: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Fetched> {
    try {
      const sha256 = await sha256Of(partial.path, signal);
      compareHashes(shownUrl(url), expected, sha256);
      if (archiveFormatOf(name) !== undefined) say(`unpacking ${shownUrl(url)}`);
      const { path, bytes } = await this.#cache.add(partial.path, sha256, name, signal);
      await writeRecord(notePath, { name, sha256, validators });
      await partial.discard();
      return { path, bytes, sha256 };
    } catch (error) {
      // It is complete, and will not get better.
      if (!signal.aborted) await partial.discard();
      signal.throwIfAborted();
      throw diskError(error, this.#cache.directory);
    }
  }

  async #find(sha256: string, name: string | undefined): Promise<Fetched | undefined> {
    const found = name === undefined ? undefined : await this.#cache.find(sha256, name);
    return found === undefined ? undefined : { ...found, sha256 };
  }
}
