import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { scanArray } from "../../protocol/json_spans.ts";
import { MalformedResponse } from "../errors/malformed_response.ts";

const OPEN: Bytes = Uint8Array.of(0x5b);
const COMMA: Bytes = Uint8Array.of(0x2c);
const CLOSE: Bytes = Uint8Array.of(0x5d);
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * The elements of an array, each with its bytes unchanged.
 *
 * @throws {MalformedResponse} if it isn't one complete array
 */
export function splitArray(array: Bytes): Bytes[] {
  const spans = scanArray(array);
  if (spans === undefined) {
    throw new MalformedResponse(
      `The answer's ${array.length} bytes aren't a whole JSON array: cut by a proxy?`,
    );
  }
  const elements: Bytes[] = [];
  for (let i = 0; i < spans.length; i += 2) elements.push(array.subarray(spans[i], spans[i + 1]));
  return elements;
}

/** The elements as an array. */
export function joinArray(elements: readonly Bytes[]): Bytes {
  const parts = [OPEN];
  for (const element of elements) {
    if (parts.length > 1) parts.push(COMMA);
    parts.push(element);
  }
  parts.push(CLOSE);
  return concatBytes(parts);
}

/** A JSON text as one line; its line breaks stand between tokens only, where a space means the same. */
export function toLine(json: Bytes): Bytes {
  const line = new Uint8Array(json.length + 1);
  line.set(json);
  for (let at = 0; at < json.length; at++) {
    if (line[at] === LINE_FEED || line[at] === CARRIAGE_RETURN) line[at] = SPACE;
  }
  line[json.length] = LINE_FEED;
  return line;
}
