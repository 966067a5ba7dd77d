import { INDEX_DIGITS, joinBytes, requestBytes, type StreamSet, type Target } from "./requests.ts";

const SEQ_WIDTH = 12;
const DIGIT_ZERO = 0x30;
const SPACE = 0x20;

/** What an append request is made of. */
export interface AppendShape {
  readonly target: Target;
  readonly streams: StreamSet;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** The producer's name, where appends go by the idempotent producer. */
  readonly producer?: string | undefined;
  /** Beside what each append has. */
  readonly headers?: readonly (readonly [string, string])[];
  /** Which connection sends it: a NATS server answers to an address of the connection's. */
  readonly connection: number;
}

/**
 * The bytes of an append, of which only the stream's number and the producer's sequence change from one
 * request to the next: a million streams need one array.
 */
export class AppendRequest {
  readonly #bytes: Uint8Array;
  readonly #indexAt: number;
  readonly #seqAt: number;

  constructor(shape: AppendShape) {
    const { bytes, indexAt, seqAt } = LAYOUTS[shape.target.protocol](shape);
    this.#bytes = bytes;
    this.#indexAt = indexAt;
    this.#seqAt = seqAt;
  }

  /** The request for a stream. The array is the same for every call: it is copied if it has to wait. */
  to(index: number, seq = 0): Uint8Array {
    const bytes = this.#bytes;
    let rest = index;
    for (let at = this.#indexAt + INDEX_DIGITS - 1; at >= this.#indexAt; at--) {
      bytes[at] = DIGIT_ZERO + rest % 10;
      rest = (rest / 10) | 0;
    }
    if (this.#seqAt >= 0) this.#writeSeq(seq);
    return bytes;
  }

  // Spaces before a header's value are not part of it.
  #writeSeq(seq: number): void {
    let rest = seq;
    let at = this.#seqAt + SEQ_WIDTH - 1;
    do {
      this.#bytes[at--] = DIGIT_ZERO + rest % 10;
      rest = Math.floor(rest / 10);
    } while (rest > 0);
    while (at >= this.#seqAt) this.#bytes[at--] = SPACE;
  }
}

/** The address that a NATS server's answers to a connection go to. */
export function natsInbox(connection: number): string {
  return `_INBOX.bench.${connection}`;
}

interface Layout {
  readonly bytes: Uint8Array;
  readonly indexAt: number;
  readonly seqAt: number;
}

const LAYOUTS = { http: httpLayout, redis: redisLayout, nats: natsLayout } as const;

function httpLayout(shape: AppendShape): Layout {
  const { target, streams, contentType, body, producer, headers: more = [] } = shape;
  const headers: (readonly [string, string])[] = [["Content-Type", contentType], ...more];
  const seqName = "Producer-Seq";
  if (producer !== undefined) {
    headers.push(["Producer-Id", producer], ["Producer-Epoch", "0"]);
    headers.push([seqName, " ".repeat(SEQ_WIDTH)]);
  }
  const path = streams.prefix + "0".repeat(INDEX_DIGITS);
  const bytes = requestBytes(target, "POST", path, headers, body);
  const seqNameAt = producer === undefined
    ? -1
    : new TextDecoder("latin1").decode(bytes).indexOf(`\r\n${seqName}: `);
  return {
    bytes,
    indexAt: `POST ${streams.prefix}`.length,
    seqAt: seqNameAt < 0 ? -1 : seqNameAt + `\r\n${seqName}: `.length,
  };
}

function redisLayout({ streams, body }: AppendShape): Layout {
  const head = `*5\r\n$4\r\nXADD\r\n$${streams.prefix.length + INDEX_DIGITS}\r\n${streams.prefix}`;
  const key = "0".repeat(INDEX_DIGITS);
  const rest = `\r\n$1\r\n*\r\n$1\r\nd\r\n$${body.byteLength}\r\n`;
  return { bytes: joinBytes(head + key + rest, body, "\r\n"), indexAt: head.length, seqAt: -1 };
}

function natsLayout({ streams, body, connection }: AppendShape): Layout {
  const head = `PUB ${streams.prefix}`;
  const rest = `${"0".repeat(INDEX_DIGITS)} ${natsInbox(connection)} ${body.byteLength}\r\n`;
  return { bytes: joinBytes(head + rest, body, "\r\n"), indexAt: head.length, seqAt: -1 };
}
