import { type Bytes, concatBytes, NO_BYTES } from "../../protocol/bytes.ts";
import { joinArray, splitArray } from "../transport/json_array.ts";
import { Message } from "./message.ts";
import type { Missed } from "./missed.ts";
import { formatPlace, type Place } from "../transport/place.ts";

/** The messages of one response. */
export interface Batch {
  messages: Message[];
  /** The data that contains the messages: the JSON array, or the bytes. */
  data: Bytes;
  isJson: boolean;
  /** The place after all of it. */
  end: Place;
  /** How many messages come before that, if the server says so. */
  nextOrdinal: number | undefined;
  /** What was trimmed before it was read, right before this. */
  missed?: Missed | undefined;
}

/** The content of a response, and the places it lies between. */
export interface ResponseContent {
  /** Its body, or the data of its events. */
  bodies: readonly Bytes[];
  isJson: boolean;
  /** The place it was read from; as many messages (bytes if it isn't JSON) as its `skip` are dropped. */
  start: Place;
  nextOffset: string;
  /** How many messages come before that, if the server says so. */
  nextOrdinal?: number | undefined;
}

/**
 * The messages of a response, each with the place after it.
 *
 * @throws {MalformedResponse} if a JSON response is incomplete
 */
export function toBatch(content: ResponseContent): Batch {
  return content.isJson ? jsonBatch(content) : bytesBatch(content);
}

/** The batch's data without the first `count` messages. */
export function dataAfter({ messages, data, isJson }: Batch, count: number): Bytes {
  if (count === 0) return data;
  return isJson ? joinArray(messages.slice(count).map(({ bytes }) => bytes)) : NO_BYTES;
}

function jsonBatch({ bodies, start, nextOffset, nextOrdinal }: ResponseContent): Batch {
  const { offset, skip } = start;
  const elements = bodies.flatMap(splitArray);
  const messages: Message[] = [];
  elements.forEach((element, i) => {
    if (i < skip) return;
    const isLast = i === elements.length - 1;
    const place = isLast ? nextOffset : formatPlace({ offset, skip: i + 1 });
    const ordinal = nextOrdinal === undefined ? undefined : nextOrdinal - elements.length + i;
    messages.push(new Message(element, place, ordinal));
  });
  const [first = NO_BYTES] = bodies;
  const isAsServed = bodies.length === 0 || (bodies.length === 1 && skip === 0);
  return {
    messages,
    data: isAsServed ? first : joinArray(elements.slice(skip)),
    isJson: true,
    end: { offset: nextOffset, skip: Math.max(0, skip - elements.length) },
    nextOrdinal,
  };
}

function bytesBatch({ bodies, start: { skip }, nextOffset, nextOrdinal }: ResponseContent): Batch {
  const whole = concatBytes(bodies);
  const data = skip === 0 ? whole : whole.subarray(skip);
  return {
    messages: data.length === 0 ? [] : [new Message(data, nextOffset)],
    data,
    isJson: false,
    end: { offset: nextOffset, skip: Math.max(0, skip - whole.length) },
    nextOrdinal,
  };
}
