import { Buffer } from "node:buffer";
import { quote, StreamError } from "./errors.ts";
import type { StreamOffset } from "./offset.ts";
import { VarintReader, VarintWriter } from "./varint.ts";

const VERSION = 1;
/** Offset spaces are written from here on: below it are what is no place. */
const FIRST_SPACE = 2;
const NOT_BEGUN = 0;
const ENDED = 1;

/** How far a stream of a set has been followed. */
export type LivePlace = StreamOffset | "not begun" | "ended";

/** How far a whole set has been followed: the meaning of an `id` of its control events. */
export interface LiveEventId {
  /** Those that the request names, in its order. */
  readonly places: readonly LivePlace[];
  /** Those that were added later, or that a pattern took in. */
  readonly others: readonly OtherPlace[];
}

/** How far a stream has been followed that the request doesn't name. */
export interface OtherPlace {
  readonly name: string;
  readonly place: StreamOffset;
  /** Whether it is closed there. */
  readonly hasEnded: boolean;
}

/** An `id` in letters, digits, `-` and `_`: some eight characters for each stream. */
export function formatLiveEventId({ places, others }: LiveEventId): string {
  const writer = new VarintWriter().number(VERSION).number(places.length);
  for (const place of places) {
    if (place === "not begun") writer.number(NOT_BEGUN);
    else if (place === "ended") writer.number(ENDED);
    else writePlace(writer, place);
  }
  writer.number(others.length);
  for (const { name, place, hasEnded } of others) {
    writePlace(writer.text(name).number(hasEnded ? 1 : 0), place);
  }
  return Buffer.from(writer.finish()).toString("base64url");
}

function writePlace(writer: VarintWriter, { space, position }: StreamOffset): void {
  writer.number(space + FIRST_SPACE).number(position);
}

/**
 * Parses a `Last-Event-ID` of a set.
 *
 * @param streams how many streams the request names
 * @throws {StreamError} `invalid_offset` where it is no `id` of such a set
 */
export function parseLiveEventId(value: string, streams: number): LiveEventId {
  try {
    const reader = new VarintReader(Buffer.from(value, "base64url"));
    if (reader.number() !== VERSION) throw new RangeError("It has another version.");
    if (reader.number() !== streams) throw new RangeError("It is of another set.");
    const places = Array.from({ length: streams }, () => readPlace(reader));
    const count = reader.number();
    const others: OtherPlace[] = [];
    for (let i = 0; i < count; i++) {
      const name = reader.text();
      const hasEnded = reader.number() === 1;
      const place = readPlace(reader);
      if (typeof place === "string") throw new RangeError("A place is missing.");
      others.push({ name, place, hasEnded });
    }
    if (!reader.isAtEnd) throw new RangeError("It is too long.");
    return { places, others };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StreamError(
      { code: "invalid_offset" },
      `Last-Event-ID ${
        quote(value)
      } is no id of this set of streams: use one that came with the same ` +
        "URL, or none.",
    );
  }
}

function readPlace(reader: VarintReader): LivePlace {
  const space = reader.number();
  if (space === NOT_BEGUN) return "not begun";
  if (space === ENDED) return "ended";
  return { space: space - FIRST_SPACE, position: reader.number() };
}
