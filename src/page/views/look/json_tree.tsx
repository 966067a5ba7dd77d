import { useState } from "preact/hooks";
import {
  childrenOf,
  type JsonChild,
  type JsonCursor,
  kindAt,
  stringIn,
  valueStart,
} from "../../reading/json_lazy.ts";
import { textOf } from "../../reading/message.ts";
import { StoredText } from "../../ui/text.tsx";

/** So many children are shown at once; a button shows as many more. */
const PAGE = 100;
/** Longer strings are cut, with a button that shows more of them. */
const STRING_CHARS = 2_000;
const MORE_CHARS = 100_000;
/** Of messages up to this, what lies within is open at first. */
const SMALL_BYTES = 4_000;
const OPEN_DEPTH = 4;

/** A JSON message as a tree. Only what is open is looked at, so its size doesn't matter. */
export function JsonTree({ bytes }: { readonly bytes: Uint8Array }) {
  const start = valueStart(bytes);
  const kind = kindAt(bytes, start);
  const root: JsonChild = { key: "", kind, start, end: bytes.length };
  const isContainer = kind === "object" || kind === "array";
  return (
    <div class="json-tree">
      {isContainer
        ? <Children bytes={bytes} node={root} depth={0} />
        : <Scalar bytes={bytes} node={root} />}
    </div>
  );
}

interface NodeProps {
  readonly bytes: Uint8Array;
  readonly node: JsonChild;
  readonly depth: number;
}

function Children({ bytes, node, depth }: NodeProps) {
  const first = () => childrenOf(bytes, node.start, PAGE);
  const [{ children, rest }, setShown] = useState(first);
  const more = (from: JsonCursor) => {
    const next = childrenOf(bytes, node.start, PAGE, from);
    setShown({ children: [...children, ...next.children], rest: next.rest });
  };
  if (children.length === 0) {
    return <span class="soft">{node.kind === "array" ? "[ ] empty" : "{ } empty"}</span>;
  }
  return (
    <ul>
      {children.map((child, index) => (
        <li key={index}>
          <Node bytes={bytes} node={child} depth={depth} />
        </li>
      ))}
      {rest !== undefined && (
        <li>
          <button type="button" class="quiet small" onClick={() => more(rest)}>
            Show {PAGE} more
          </button>
        </li>
      )}
    </ul>
  );
}

function Node({ bytes, node, depth }: NodeProps) {
  const [isOpen, setOpen] = useState(bytes.length <= SMALL_BYTES && depth < OPEN_DEPTH);
  const key = (
    <span class="json-key">
      <StoredText text={String(node.key)} />
    </span>
  );
  if (node.kind !== "object" && node.kind !== "array") {
    return (
      <div class="json-line">
        {key}
        <Scalar bytes={bytes} node={node} />
      </div>
    );
  }
  return (
    <>
      <button
        type="button"
        class="json-fold"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {key}
        <span class="soft">{summaryOf(bytes, node)}</span>
      </button>
      {isOpen && <Children bytes={bytes} node={node} depth={depth + 1} />}
    </>
  );
}

function Scalar({ bytes, node }: Omit<NodeProps, "depth">) {
  const [limit, setLimit] = useState(STRING_CHARS);
  const text = node.kind === "string"
    ? stringIn(bytes, node.start, node.end)
    : textOf(bytes.subarray(node.start, node.end)).trim();
  const shown = text.length > limit ? text.slice(0, limit) : text;
  return (
    <span class={`json-value json-${node.kind}`}>
      <StoredText text={node.kind === "string" ? `"${shown}"` : shown} />
      {shown !== text && (
        <button
          type="button"
          class="quiet small"
          onClick={() => setLimit(limit + MORE_CHARS)}
        >
          Show more of {text.length.toLocaleString("en")} characters
        </button>
      )}
    </span>
  );
}

/** How many children there are, as far as a look at some tells. */
function summaryOf(bytes: Uint8Array, node: JsonChild): string {
  const { children, rest } = childrenOf(bytes, node.start, PAGE);
  const count = `${children.length}${rest === undefined ? "" : "+"}`;
  return node.kind === "array" ? `[${count}]` : `{${count}}`;
}
