import type { Bytes } from "../../src/protocol/bytes.ts";

/** The bytes that hex digits stand for; what follows `//` on a line is a comment. */
export function hex(text: TemplateStringsArray): Bytes {
  const digits = (text[0] ?? "").replaceAll(/\/\/.*/g, "").replaceAll(/\s/g, "");
  if (!/^(?:[0-9a-f]{2})*$/.test(digits)) throw new Error(`Not hex: ${digits}`);
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}
