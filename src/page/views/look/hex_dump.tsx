import { useState } from "preact/hooks";
import { hexByte } from "../../reading/message.ts";

const LINE_BYTES = 16;
const PAGE_BYTES = 4 * 1024;

/** Bytes in hexadecimal, sixteen a line, with what of them is ASCII. */
export function HexDump({ bytes }: { readonly bytes: Uint8Array }) {
  const [limit, setLimit] = useState(PAGE_BYTES);
  const lines: string[] = [];
  for (let at = 0; at < Math.min(limit, bytes.length); at += LINE_BYTES) {
    lines.push(lineOf(bytes.subarray(at, at + LINE_BYTES), at));
  }
  return (
    <>
      <pre class="hex" tabIndex={0}>{lines.join("\n")}</pre>
      {limit < bytes.length && (
        <button
          type="button"
          class="quiet small"
          onClick={() => setLimit(limit * 4)}
        >
          Show more of {bytes.length.toLocaleString("en")} bytes
        </button>
      )}
    </>
  );
}

function lineOf(bytes: Uint8Array, at: number): string {
  const hex = Array.from(bytes, hexByte).join(" ").padEnd(LINE_BYTES * 3);
  const ascii = Array.from(
    bytes,
    (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
  ).join("");
  return `${at.toString(16).padStart(6, "0")}  ${hex} ${ascii}`;
}
