/** The resources of a stack and their dependencies, as reported by the mocked engine or the real one. */
import assert from "node:assert/strict";

export interface GraphNode {
  readonly name: string;
  /** The type token of the resource itself, without those of its parents. */
  readonly type: string;
  /** The parent's name; the stack's name where there is no other parent. */
  readonly parent: string;
  /** The names of the resources it depends on directly. */
  readonly dependencies: readonly string[];
  /** The name of the resource whose deletion makes its own delete unnecessary (`deletedWith`). */
  readonly deletedWith: string | undefined;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** @returns a resource's name: the last part of its URN */
export function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}

/** @returns a resource's own type: in a URN the types of its parents stand before it */
export function typeOf(urn: string): string {
  return urn.split("::").at(2)?.split("$").at(-1) ?? "";
}

export class Graph<Kind extends GraphNode = GraphNode> {
  readonly nodes: readonly Kind[];

  /** @throws AssertionError when two resources have the same name, since a name must identify one resource */
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

  /** @returns the names of all direct and indirect dependencies of a resource */
  dependenciesOf(name: string, seen = new Set<string>()): ReadonlySet<string> {
    for (const dependency of this.get(name).dependencies) {
      if (seen.has(dependency)) continue;
      seen.add(dependency);
      this.dependenciesOf(dependency, seen);
    }
    return seen;
  }

  /** Asserts that each of the later resources depends, directly or not, on each of the earlier ones. */
  assertPrecedes(earlier: readonly string[], later: readonly string[]): void {
    for (const name of earlier) this.get(name);
    for (const name of later) {
      const missing = earlier.filter((one) => !this.dependenciesOf(name).has(one));
      assert.deepEqual(missing, [], `${name} does not wait for these`);
    }
  }
}
