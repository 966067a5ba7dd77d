import { useState } from "preact/hooks";
import { textOf } from "../../reading/message.ts";
import { formatBytes } from "../../ui/figures.ts";
import { StoredLines } from "../../ui/text.tsx";

const FIRST_BYTES = 32 * 1024;
/** What is shown at once is cut into chunks that are laid out only where they can be seen. */
const CHUNK_CHARS = 16 * 1024;

/** A message as text: of a long one the beginning, until somebody wants all of it. */
export function LongText({ bytes }: { readonly bytes: Uint8Array }) {
  const [isAll, setAll] = useState(false);
  const isCut = !isAll && bytes.length > FIRST_BYTES;
  const text = textOf(isCut ? bytes.subarray(0, FIRST_BYTES) : bytes);
  const chunks = chunksOf(text, CHUNK_CHARS);
  return (
    <>
      <pre class="long-text" tabIndex={0}>
        {chunks.map((chunk, at) => <span key={at}><StoredLines text={chunk} /></span>)}
      </pre>
      {isCut && (
        <button type="button" class="quiet small" onClick={() => setAll(true)}>
          Show all ({formatBytes(bytes.length)})
        </button>
      )}
    </>
  );
}

/** A text in parts of about this length, none of which ends within a character. */
export function chunksOf(text: string, length: number): string[] {
  const chunks: string[] = [];
  for (let at = 0; at < text.length;) {
    const isPair = (text.codePointAt(at + length - 1) ?? 0) > 0xffff;
    const end = at + length + (isPair ? 1 : 0);
    chunks.push(text.slice(at, end));
    at = end;
  }
  return chunks;
}
