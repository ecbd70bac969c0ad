/** Something with an account; the one that has been given least goes first, and of several the one whose last turn is longest ago. */
export interface Account {
  /** Milliseconds of compute time, measured from a point that all accounts of one heap share. */
  account: number;
  turn: number;
  /** Where it is in its heap; -1 while it is in none. Kept by the heap. */
  place: number;
}

/** A binary heap whose members know their place, so that one whose account has changed is put right in logarithmic time. */
export class AccountHeap<Node extends Account> {
  /** The first is at 0, and the children of `place` are at 2 × place + 1 and 2 × place + 2. */
  readonly nodes: Node[] = [];

  push(node: Node): void {
    this.nodes.push(node);
    this.#rise(node, this.nodes.length - 1);
  }

  /** After a change of the node's account or turn. */
  update(node: Node): void {
    if (!this.#rise(node, node.place)) this.#sink(node, node.place);
  }

  remove(node: Node): void {
    const last = this.nodes.pop() as Node;
    if (last !== node) {
      last.place = node.place;
      this.nodes[last.place] = last;
      this.update(last);
    }
    node.place = -1;
  }

  /** Whether it went up. */
  #rise(node: Node, from: number): boolean {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.nodes[above] as Node;
      if (!precedes(node, parent)) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(node, place);
    return place !== from;
  }

  #sink(node: Node, from: number): void {
    const { nodes } = this;
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= nodes.length) break;
      if (below + 1 < nodes.length && precedes(nodes[below + 1] as Node, nodes[below] as Node)) below++;
      const child = nodes[below] as Node;
      if (!precedes(child, node)) break;
      this.#put(child, place);
      place = below;
    }
    this.#put(node, place);
  }

  #put(node: Node, place: number): void {
    this.nodes[place] = node;
    node.place = place;
  }
}

function precedes(one: Account, other: Account): boolean {
  return one.account < other.account || (one.account === other.account && one.turn < other.turn);
}
