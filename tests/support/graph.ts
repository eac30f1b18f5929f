/** The resources of a stack and what hangs on what, whoever told of them: the mocked engine or the real one. */
import assert from "node:assert/strict";

export interface Node {
  readonly name: string;
  /** The type token of the resource itself, without its parents'. */
  readonly type: string;
  /** The parent's name; the stack's for what has no other. */
  readonly parent: string;
  /** The names of what must be done before it. */
  readonly dependencies: readonly string[];
  /** The name of the resource that it goes with. */
  readonly deletedWith: string | undefined;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** @returns a resource's name: a URN's last part */
export function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}

/** @returns a resource's own type: in a URN its parents' types stand before it */
export function typeOf(urn: string): string {
  return urn.split("::").at(2)?.split("$").at(-1) ?? "";
}

export class Graph<Kind extends Node = Node> {
  readonly nodes: readonly Kind[];

  /** @throws AssertionError when two resources have one name, since a name would then not tell which is meant */
  constructor(nodes: readonly Kind[]) {
    this.nodes = nodes;
    const names = nodes.map(({ name }) => name);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
      "two resources have the same name",
    );
  }

  get(name: string): Kind {
    const found = this.nodes.find((node) => node.name === name);
    assert.ok(found, `there is no resource ${name}`);
    return found;
  }

  /** @returns the resources of a type, in the order of their registration */
  ofType(type: string): Kind[] {
    return this.nodes.filter((node) => node.type === type);
  }

  /** @returns the names of everything that is done before a resource, near or far */
  before(name: string, seen = new Set<string>()): ReadonlySet<string> {
    for (const dependency of this.get(name).dependencies) {
      if (seen.has(dependency)) continue;
      seen.add(dependency);
      this.before(dependency, seen);
    }
    return seen;
  }

  /** Asserts that each of some resources is done before each of others. */
  precedes(earlier: readonly string[], later: readonly string[]): void {
    for (const name of earlier) this.get(name);
    for (const name of later) {
      const missing = earlier.filter((one) => !this.before(name).has(one));
      assert.deepEqual(missing, [], `${name} does not wait for these`);
    }
  }
}
