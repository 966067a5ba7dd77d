import { type Bytes, encodeUtf8 } from "../../protocol/bytes.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;

const utf8 = new TextDecoder();

/** A place in a JSON value that is looked for, or on the way to one. */
interface Node {
  /** The member's name as JSON writes it with no escape that needn't be, or the element's number, in UTF-8. */
  readonly name: Bytes;
  readonly text: string;
  readonly children: Node[];
  /** The number of the pointer that ends here. */
  slot: number | undefined;
}

/**
 * Finds values in JSON by pointers (RFC 6901), by scanning the bytes: parsing all of a message for its key
 * takes several times as long. The JSON is known to be valid. Of members of the same name the last one
 * counts, as for `JSON.parse`.
 */
export class JsonFields {
  readonly #root: Node = { name: encodeUtf8(""), text: "", children: [], slot: undefined };
  /** Where each pointer's value begins and ends; -1 where there is none. */
  readonly #starts: number[];
  readonly #ends: number[];
  #bytes: Bytes = encodeUtf8("");

  /** @param pointers none of them empty */
  constructor(pointers: readonly string[]) {
    this.#starts = pointers.map(() => -1);
    this.#ends = pointers.map(() => -1);
    pointers.forEach((pointer, slot) => {
      let node = this.#root;
      for (const token of pointer.slice(1).split("/")) {
        node = childOf(node, token.replaceAll("~1", "/").replaceAll("~0", "~"));
      }
      node.slot = slot;
    });
  }

  /** Looks at the value that begins at `at`. */
  scan(bytes: Bytes, at: number): void {
    this.#bytes = bytes;
    this.#starts.fill(-1);
    this.#value(this.#skipSpace(at), this.#root);
  }

  /** Where the value of a pointer begins; -1 where there is none. */
  start(slot: number): number {
    return this.#starts[slot] ?? -1;
  }

  /** Where it ends. */
  end(slot: number): number {
    return this.#ends[slot] ?? -1;
  }

  /** Notes what is looked for in a value, and returns where it ends. */
  #value(at: number, node: Node): number {
    const first = this.#bytes[at];
    let end: number;
    if (node.children.length > 0 && first === OPEN_BRACE) end = this.#object(at + 1, node);
    else if (node.children.length > 0 && first === OPEN_BRACKET) end = this.#array(at + 1, node);
    else end = this.#skip(at);
    if (node.slot !== undefined) {
      this.#starts[node.slot] = at;
      this.#ends[node.slot] = end;
    }
    return end;
  }

  #object(from: number, node: Node): number {
    let at = this.#skipSpace(from);
    while (this.#bytes[at] !== CLOSE_BRACE) {
      if (this.#bytes[at] === COMMA) at = this.#skipSpace(at + 1);
      const nameEnd = this.#skipString(at);
      const child = this.#childNamed(node, at + 1, nameEnd - 1);
      at = this.#skipSpace(this.#skipSpace(nameEnd) + 1);
      if (child === undefined) at = this.#skip(at);
      else {
        this.#forget(child);
        at = this.#value(at, child);
      }
      at = this.#skipSpace(at);
    }
    return at + 1;
  }

  #array(from: number, node: Node): number {
    let at = this.#skipSpace(from);
    for (let index = 0; this.#bytes[at] !== CLOSE_BRACKET; index++) {
      if (this.#bytes[at] === COMMA) at = this.#skipSpace(at + 1);
      const child = node.children.find(({ text }) => text === String(index));
      at = this.#skipSpace(child === undefined ? this.#skip(at) : this.#value(at, child));
    }
    return at + 1;
  }

  /** A member of the same name came again: what was found in the one before doesn't count. */
  #forget({ slot, children }: Node): void {
    if (slot !== undefined) this.#starts[slot] = -1;
    for (const child of children) this.#forget(child);
  }

  #childNamed({ children }: Node, from: number, to: number): Node | undefined {
    const bytes = this.#bytes;
    const length = to - from;
    for (const child of children) {
      const { name } = child;
      if (name.length !== length) continue;
      let i = 0;
      while (i < length && bytes[from + i] === name[i]) i++;
      if (i === length) return child;
    }
    if (!hasBackslash(bytes, from, to)) return undefined;
    const text: unknown = JSON.parse(utf8.decode(bytes.subarray(from - 1, to + 1)));
    return children.find((child) => child.text === text);
  }

  /** Where the value ends that begins at `at`. */
  #skip(at: number): number {
    const bytes = this.#bytes;
    const first = bytes[at];
    if (first === QUOTE) return this.#skipString(at);
    if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return this.#skipScalar(at);
    let depth = 0;
    for (let i = at; i < bytes.length;) {
      const byte = bytes[i];
      if (byte === QUOTE) {
        i = this.#skipString(i);
        continue;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
      i++;
      if (depth === 0) return i;
    }
    return bytes.length;
  }

  #skipScalar(at: number): number {
    const bytes = this.#bytes;
    let end = at;
    for (; end < bytes.length; end++) {
      const byte = bytes[end] ?? 0;
      if (byte <= SPACE || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) break;
    }
    return end;
  }

  #skipString(at: number): number {
    const bytes = this.#bytes;
    for (let i = at + 1; i < bytes.length; i++) {
      const byte = bytes[i];
      if (byte === QUOTE) return i + 1;
      if (byte === BACKSLASH) i++;
    }
    return bytes.length;
  }

  #skipSpace(at: number): number {
    const bytes = this.#bytes;
    let end = at;
    while ((bytes[end] ?? 0xff) <= SPACE) end++;
    return end;
  }
}

/** Whether there is a backslash in a part of some bytes. */
export function hasBackslash(bytes: Bytes, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] === BACKSLASH) return true;
  return false;
}

function childOf(node: Node, text: string): Node {
  const known = node.children.find((child) => child.text === text);
  if (known !== undefined) return known;
  const name = encodeUtf8(JSON.stringify(text).slice(1, -1));
  const child: Node = { name, text, children: [], slot: undefined };
  node.children.push(child);
  return child;
}
