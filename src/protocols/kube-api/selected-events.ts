import type { Selector } from "./selectors.ts";
import type { WatchEvent } from "./watch.ts";

interface Identified {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/**
 * The events of a watch with a selector, as Kubernetes gives them: an object that begins to match is added, one that ceases to
 * match is deleted. `unmatched` are objects that the client is known not to have; of others it may have an older state that matched.
 */
export async function* selectedEvents<Item extends Identified>(
  events: AsyncIterable<WatchEvent<Item>>,
  selector: Selector<Item>,
  unmatched: Iterable<Item>,
): AsyncGenerator<WatchEvent<Item>> {
  const shown = new Map<string, boolean>();
  for (const item of unmatched) shown.set(idOf(item), false);
  for await (const { type, object } of events) {
    const id = idOf(object);
    const matches = selector.matches(object);
    const before = shown.get(id) ?? (type === "ADDED" ? false : type === "DELETED" || !selector.changeable ? matches : true);
    const after = matches && type !== "DELETED";
    if (type === "DELETED") shown.delete(id);
    else shown.set(id, after);
    if (after) yield { type: before ? "MODIFIED" : "ADDED", object };
    else if (before) yield { type: "DELETED", object };
  }
}

function idOf({ metadata }: Identified): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
