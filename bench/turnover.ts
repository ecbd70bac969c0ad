/** Models that come and go as fast as they can. */
export interface Turnover {
  /** Loads all at once, then evicts all, again and again. */
  begin(): void;
  /** Settles with the number of loads, when all are gone. */
  end(): Promise<number>;
  evictAll(): Promise<void>;
}

/** Of models of a server that are not pinned, by their names. */
export function turnover(url: string, names: readonly string[]): Turnover {
  let loads = 0;
  let ended = false;
  let running = Promise.resolve();
  const all = async (verb: "load" | "evict"): Promise<void> => {
    await Promise.all(names.map((name) => change(url, name, verb)));
  };
  const work = async (): Promise<void> => {
    while (!ended) {
      await all("load");
      loads += names.length;
      await all("evict");
    }
  };
  return {
    begin() {
      running = work();
      // It is told of at the end.
      running.catch(() => undefined);
    },
    async end() {
      ended = true;
      await running;
      return loads;
    },
    evictAll: () => all("evict"),
  };
}

/** @throws Error for any other answer than 200 */
export async function change(url: string, name: string, verb: "load" | "evict"): Promise<void> {
  const response = await fetch(`${url}/nitrous/models/${name}/${verb}`, { method: "POST" });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${verb} of ${name} was answered with ${response.status}: ${text}`);
}
