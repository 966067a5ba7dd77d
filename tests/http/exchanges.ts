import { Buffer } from "node:buffer";
import type { HttpRequest } from "../../src/http/handler.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { bodyOf, ConnectionKit } from "./connection_kit.ts";

/** A request as a connection understood it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly request: HttpRequest;
  /** Each byte a character; `undefined` where it never came to its end. */
  body: string | undefined;
}

/** What became of the bytes that a client sent. */
export interface Exchanges {
  readonly seen: readonly Seen[];
  /** The answers' status codes. */
  readonly statuses: readonly number[];
  /** What the last answer says of itself, where it is a refusal. */
  readonly message: string;
  /** Why a body never came to its end. */
  readonly failure: string;
  /** Whether the connection takes another request. */
  readonly isOpen: boolean;
}

/** Sends pieces one after the other, and answers each request with 200 once its body is here. */
export async function exchange(pieces: readonly Bytes[]): Promise<Exchanges> {
  const seen: Seen[] = [];
  let bodies = 0;
  let failure = "";
  const kit = new ConnectionKit((request, respond) => {
    const { method, url } = request;
    const each: Seen = { method, url, request, body: undefined };
    seen.push(each);
    bodies++;
    const answer = (status: number) => {
      bodies--;
      respond({ status, headers: {}, body: null });
    };
    bodyOf(request).then((body) => {
      each.body = Buffer.from(body).toString("latin1");
      answer(200);
    }, (error: unknown) => {
      failure = error instanceof Error ? error.message : String(error);
      answer(400);
    });
  });
  const { socket, connection } = kit.connect();
  for (const piece of pieces) {
    connection.received(piece);
    // A body's promise is a few turns away from its answer.
    for (let turn = 0; turn < 4 && bodies > 0; turn++) await Promise.resolve();
  }
  for (let turn = 0, before = -1; before !== socket.received.length || turn < 4; turn++) {
    before = socket.received.length;
    await Promise.resolve();
  }
  const statuses = [...socket.received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, code]) =>
    Number(code)
  );
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(socket.received)?.[1] ?? "";
  return { seen, statuses, message, failure, isOpen: socket.ending === undefined };
}

/** Text as bytes, each character one. */
export function latin1(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
