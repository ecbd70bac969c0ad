import { expect, it } from "vitest";
import { selectedEvents } from "./selected-events.ts";
import type { WatchEvent } from "./watch.ts";

interface Item {
  readonly metadata: { readonly name: string };
  readonly wanted: boolean;
}

const item = (name: string, wanted: boolean): Item => ({ metadata: { name }, wanted });

async function select(events: readonly WatchEvent<Item>[], changeable: boolean, unmatched: readonly Item[] = []): Promise<string> {
  async function* given(): AsyncGenerator<WatchEvent<Item>> {
    yield* events;
  }
  const seen: string[] = [];
  for await (const { type, object } of selectedEvents(given(), { matches: ({ wanted }) => wanted, changeable }, unmatched)) {
    seen.push(`${type} ${object.metadata.name}`);
  }
  return seen.join(", ");
}

it("adds what begins to match and deletes what ceases to", async () => {
  const events: WatchEvent<Item>[] = [
    { type: "ADDED", object: item("a", false) },
    { type: "MODIFIED", object: item("a", false) },
    { type: "MODIFIED", object: item("a", true) },
    { type: "MODIFIED", object: item("a", true) },
    { type: "MODIFIED", object: item("a", false) },
    { type: "DELETED", object: item("a", false) },
    { type: "ADDED", object: item("a", true) },
    { type: "DELETED", object: item("a", true) },
  ];
  expect(await select(events, true)).toBe("ADDED a, MODIFIED a, DELETED a, ADDED a, DELETED a");
});

it("deletes what it does not know, since the client may have it, but not what the client cannot have", async () => {
  const events: WatchEvent<Item>[] = [{ type: "MODIFIED", object: item("a", false) }];
  expect(await select(events, true)).toBe("DELETED a");
  expect(await select(events, true, [item("a", false)])).toBe("");
  expect(await select(events, false)).toBe("");
  expect(await select([{ type: "MODIFIED", object: item("a", true) }], true, [item("a", false)])).toBe("ADDED a");
  expect(await select([{ type: "DELETED", object: item("a", true) }], true)).toBe("DELETED a");
});
