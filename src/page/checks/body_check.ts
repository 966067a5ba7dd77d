import { encodeUtf8 } from "../../protocol/bytes.ts";
import { isJsonType } from "../../protocol/content_type.ts";
import { jsonFaultAt } from "./json_fault.ts";

/** What is to be appended, or why it can't be. */
export type BodyCheck =
  | {
    readonly kind: "good";
    readonly bytes: Uint8Array<ArrayBuffer>;
    /** How many messages it is in a JSON stream. */
    readonly messages?: number;
  }
  | { readonly kind: "empty" }
  | { readonly kind: "bad"; readonly why: string };

/**
 * What text is as the body of an append to a stream of this type. In a JSON stream it is a JSON value, and
 * an array is as many messages as it has elements (PROTOCOL §9.1).
 */
export function checkBody(contentType: string, text: string): BodyCheck {
  if (!isJsonType(contentType)) {
    return text === "" ? { kind: "empty" } : { kind: "good", bytes: encodeUtf8(text) };
  }
  if (text.trim() === "") return { kind: "empty" };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "bad", why: whyNoJson(text) };
  }
  if (!Array.isArray(value)) return { kind: "good", bytes: encodeUtf8(text), messages: 1 };
  if (value.length === 0) {
    return {
      kind: "bad",
      why: "An empty array holds no message. For an empty array as one: [[]].",
    };
  }
  return { kind: "good", bytes: encodeUtf8(text), messages: value.length };
}

/** What a file's bytes are as the body of an append to a stream of this type. */
export function checkFile(contentType: string, bytes: Uint8Array<ArrayBuffer>): BodyCheck {
  if (bytes.length === 0) return { kind: "bad", why: "The file is empty." };
  if (!isJsonType(contentType)) return { kind: "good", bytes };
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return checkBody(contentType, text);
  } catch {
    return { kind: "bad", why: "The file is not UTF-8, as JSON has to be." };
  }
}

function whyNoJson(text: string): string {
  const at = jsonFaultAt(text);
  const line = text.slice(0, at).split("\n").length;
  const column = at - text.lastIndexOf("\n", at - 1);
  const place = `line ${line}, column ${column}`;
  const found = text.slice(at).match(/./su)?.[0];
  if (found === undefined) return `This is not JSON yet: it ends too early, in ${place}.`;
  const name = found === '"' ? "a quotation mark" : JSON.stringify(found);
  const hint = at === 0 ? ` Text as one message stands in quotation marks: "hello".` : "";
  return `This is not JSON: ${name} is not expected in ${place}.${hint}`;
}
