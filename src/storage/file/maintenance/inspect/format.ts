import { decodeUtf8 } from "../../../../protocol/bytes.ts";
import { decodeFormat } from "../../directory/format_file.ts";
import type { FileWindow } from "../../directory/file_window.ts";
import type { Item } from "./item.ts";

const LIMIT_BYTES = 4096;

/** A FORMAT file: its lines, and whether their checksum is right. */
export function* inspectFormat(window: FileWindow): Generator<Item> {
  const bytes = window.bytes(0, Math.min(LIMIT_BYTES, window.sizeBytes)).slice();
  const format = decodeFormat(bytes);
  if (format !== undefined) {
    yield { kind: "format", position: 0, fields: { ...format } };
    return;
  }
  const damage = { expected: "our format's text with its CRC-32", found: "something else" };
  yield { kind: "format", position: 0, fields: { bytes: window.sizeBytes }, damage };
  let position = 0;
  for (const text of decodeUtf8(bytes).split("\n").filter((line) => line !== "")) {
    yield { kind: "line", position, fields: { text } };
    position += new TextEncoder().encode(text).length + 1;
  }
}
