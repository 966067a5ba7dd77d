import { decodeUtf8 } from "../../../../protocol/bytes.ts";

const SHOWN_BYTES = 48;

/** The fields of an item by name; undefined ones are left out. */
export type ItemFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A part of a file in readable form, or a place where the file is damaged. */
export interface Item {
  /** Such as `batch`. */
  readonly kind: string;
  /** Where it begins in the file; undefined for a row of the catalogue. */
  readonly position: number | undefined;
  readonly fields: ItemFields;
  readonly damage?: { readonly expected: string; readonly found: string } | undefined;
}

/** An item as a line: its position, its kind and its fields. */
export function itemLine({ kind, position, fields, damage }: Item): string {
  const words = Object.entries(fields).filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${valueText(value)}`).join("");
  const start = `${(position ?? "").toString().padStart(10)}  `;
  if (damage === undefined) return `${start}${kind}${words}`;
  return `${start}DAMAGED ${kind}${words}: expected ${damage.expected}, found ${damage.found}`;
}

/** An item as an object for JSON. */
export function itemObject({ kind, position, fields, damage }: Item): Record<string, unknown> {
  const about = { position, kind: kind.replaceAll(" ", "_"), ...fields };
  return damage === undefined ? about : { ...about, damaged: true, ...damage };
}

/** A time as in RFC 3339, or as a number where it is too late for a date. */
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
