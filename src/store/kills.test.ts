import { afterEach, expect, it } from "vitest";
import { openHere, randomNumbers, startChild, temporaryDirectories } from "../../test/state-directories.ts";

/** How often to kill; a long run takes some hundreds. */
const KILLS = Number(process.env.NITROUS_KILLS ?? 5);
const SEED = Number(process.env.NITROUS_SEED ?? 1);
const WRITERS = 4;

const directories = temporaryDirectories();
afterEach(directories.dispose);

/** Each writer puts two resources with one number in a commit, goes on from where it was, and says which are settled. */
const WRITE = `
  print("started");
  const store = await openStore(directory);
  const last = (writer) => store.restored.find(({ resource }) => resource.metadata.name === "one" + writer)?.resource.spec.number ?? 0;
  const write = async (writer) => {
    for (let number = last(writer) + 1; ; number++) {
      const text = "x".repeat((number * 37) % 5000);
      await store.commit([put("one" + writer, { number, text }), remove("gone" + writer), put("two" + writer, { number })]);
      print(writer + " " + number);
      await store.commit([put("gone" + writer, { number, text })]);
    }
  };
  await Promise.all([${Array.from({ length: WRITERS }, (_, writer) => writer).join(", ")}].map(write));`;

it(`keeps what was acknowledged, killed at any moment (${KILLS} times, seed ${SEED})`, { timeout: 30_000 + KILLS * 3_000 }, async () => {
  const directory = directories.make();
  const random = randomNumbers(SEED);
  const acknowledged = new Map<string, number>();
  let epoch = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = startChild(WRITE, directory);
    const lines = Math.floor(random() * 60);
    for (let line = 0; line <= lines; line++) acknowledge(await child.line());
    // Somewhere between two lines, or while it is opening when only its first was waited for.
    await new Promise((resolve) => setTimeout(resolve, random() * (lines === 0 ? 300 : 5)));
    const ended = child.kill();
    for (let line = await child.line(); line !== undefined; line = await child.line()) acknowledge(line);
    await ended;

    const state = await openHere(directory);
    state.close();
    const numbers = new Map(state.restored.map(({ resource: { metadata, spec } }) => [metadata.name, Number(spec.number)]));
    for (let writer = 0; writer < WRITERS; writer++) {
      const one = numbers.get(`one${writer}`);
      expect(numbers.get(`two${writer}`)).toBe(one);
      // At most the commits that were under way are there without an acknowledgement.
      const least = acknowledged.get(String(writer)) ?? 0;
      expect([least, least + 1]).toContain(one ?? 0);
      acknowledged.set(String(writer), one ?? 0);
    }
    expect(state.epoch).toBeGreaterThan(epoch);
    epoch = state.epoch;
  }

  function acknowledge(line: string | undefined): void {
    const [writer = "", number] = line?.split(" ") ?? [];
    if (number !== undefined) acknowledged.set(writer, Number(number));
  }
});
