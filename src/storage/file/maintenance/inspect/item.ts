import { decodeUtf8 } from "../../../../protocol/bytes.ts";

const SHOWN_BYTES = 48;

/** What is said of a thing, by name; what is undefined is left out. */
export type ItemFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A part of a file in readable form, or a place where it isn't what was written there. */
export interface Item {
  /** Such as `batch`. */
  readonly kind: string;
  /** Where it begins in the file; a row of the catalogue has no place that one could go to. */
  readonly position: number | undefined;
  readonly fields: ItemFields;
  readonly damage?: { readonly expected: string; readonly found: string } | undefined;
}

/** A thing as a line: where it is, what it is, and what is said of it. */
export function itemLine({ kind, position, fields, damage }: Item): string {
  const words = Object.entries(fields).filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${valueText(value)}`).join("");
  const start = `${(position ?? "").toString().padStart(10)}  `;
  if (damage === undefined) return `${start}${kind}${words}`;
  return `${start}DAMAGED ${kind}${words}: expected ${damage.expected}, found ${damage.found}`;
}

/** A thing as an object for JSON. */
export function itemObject({ kind, position, fields, damage }: Item): Record<string, unknown> {
  const about = { position, kind: kind.replaceAll(" ", "_"), ...fields };
  return damage === undefined ? about : { ...about, damaged: true, ...damage };
}

/** A time as RFC 3339 has it, or as the number that it is where no calendar goes so far. */
export function timeText(atMs: number): string {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? String(atMs) : date.toISOString();
}

/**
 * The beginning of bytes as text.
 *
 * @param lengthBytes how many there are, where `bytes` is only their beginning
 */
export function bytesText(bytes: Uint8Array, lengthBytes = bytes.length): string {
  const shown = decodeUtf8(bytes.subarray(0, SHOWN_BYTES));
  return lengthBytes > SHOWN_BYTES ? `${shown}…` : shown;
}

function valueText(value: string | number | boolean | undefined): string {
  return typeof value === "string" && !/^[\w.:/+-]+$/.test(value)
    ? JSON.stringify(value)
    : String(value);
}
