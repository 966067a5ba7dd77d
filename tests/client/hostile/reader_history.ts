import { deepStrictEqual as equal } from "node:assert";
import type { Client } from "../../../src/client/client.ts";
import type { ReadMode } from "../../../src/client/reader/read_mode.ts";
import type { Reader } from "../../../src/client/reader/reader.ts";
import { type Bytes, concatBytes } from "../../../src/protocol/bytes.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import type { Random } from "../../support/random.ts";

/** What kind of stream is read. */
export type Kind = "json" | "text" | "binary";

/** The content types of the kinds. */
export const TYPES: Readonly<Record<Kind, string>> = {
  json: "application/json",
  text: "text/plain; charset=utf-8",
  binary: "application/octet-stream",
};

/** What every reader has to see: messages of JSON, or bytes. */
export type Content = string[] | Bytes;

const CHARACTERS = ["a", "\u00e9", "\u20ac", "\u{1f600}", "\n", '"', "\\", "]", ",", "[", "\u2028"];

/** A message of this kind that shows its place. */
export function someMessage(kind: Kind, index: number, random: Random): Bytes {
  const length = random.chance(0.05) ? random.below(5_000) : random.below(60);
  let filling = "";
  // A carriage return doesn't survive text over SSE (PROTOCOL §5.8), anything else has to.
  for (let i = 0; i < length; i++) filling += random.pick(CHARACTERS);
  const text = kind === "json" ? JSON.stringify([index, filling]) : `${index}:${filling}`;
  const bytes = new TextEncoder().encode(text);
  if (kind === "binary") { for (let i = 8; i < bytes.length; i++) bytes[i] = random.below(256); }
  return bytes;
}

/** What a stream of these messages holds. */
export function contentOf(kind: Kind, messages: readonly Bytes[]): Content {
  return kind === "json"
    ? messages.map((message) => new TextDecoder().decode(message))
    : concatBytes(messages);
}

/** A place that a reader may begin at, and how much of the content comes before it. */
export interface Start {
  offset: string;
  before: number;
}

/** The places that a reader names on its way through what is there now. */
export async function startsIn(client: Client, path: string, kind: Kind): Promise<Start[]> {
  const starts: Start[] = [{ offset: "-1", before: 0 }];
  let before = 0;
  for await (const message of client.reader(path, { readMode: "catch-up" })) {
    before += kind === "json" ? 1 : message.bytes.length;
    starts.push({ offset: message.offset, before });
  }
  return starts;
}

/** Reads to the end of the stream, stopping and going on wherever `random` says, in one of four ways. */
export async function readWithStops(
  client: Client,
  path: string,
  readMode: ReadMode,
  start: Start,
  random: Random,
): Promise<Bytes[]> {
  const seen: Bytes[] = [];
  let reader = client.reader(path, { offset: start.offset, readMode });
  let place = reader.offset;
  try {
    while (!reader.closed) {
      const limit = seen.length + random.between(1, 60);
      if (random.chance(0.3)) await readAnswers(reader, seen);
      else {for await (const message of reader) {
          seen.push(message.bytes);
          place = message.offset;
          equal(reader.offset, place);
          if (seen.length >= limit) break;
        }}
      // Gives the writer a turn: in catch-up mode nothing here waits for it.
      await yieldToEventLoop();
      if (!random.chance(0.4) || reader.closed) continue;
      await reader.close();
      reader = client.reader(path, { offset: reader.offset, readMode });
    }
  } finally {
    await reader.close();
  }
  return seen;
}

/** One answer, or what was left of the last one. */
async function readAnswers(reader: Reader, seen: Bytes[]): Promise<void> {
  const { messages, nextOffset } = await reader.read();
  for (const { bytes } of messages) seen.push(bytes);
  equal(reader.offset, nextOffset);
}

/** Checks that what was seen is all that comes after the start, once and in order. */
export function checkSeen(kind: Kind, all: Content, start: Start, seen: readonly Bytes[]): void {
  const expected = all.slice(start.before);
  const got = contentOf(kind, seen);
  equal(got.length, expected.length);
  equal(got, expected);
}
