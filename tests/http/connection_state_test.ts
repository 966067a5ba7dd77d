import { deepEqual, equal, match, throws } from "node:assert/strict";
import { type ConnectionState, nextState } from "../../src/http/connection_state.ts";
import { type HttpRequest, isBodySource, type Respond } from "../../src/http/handler.ts";
import { codes, ConnectionKit, sent } from "./connection_kit.ts";

const STATES: readonly ConnectionState[] = [
  "reading head",
  "reading body",
  "responding",
  "discarding",
  "closing",
  "half-closing",
  "ended",
  "closed",
];

Deno.test("every state but closed can become closed, and nothing follows closed", () => {
  for (const state of STATES) {
    if (state === "closed") continue;
    equal(nextState(state, "closed"), "closed");
    throws(() => nextState("closed", state), /A connection that is closed can't be/);
  }
});

Deno.test("a connection that ends takes no request any more", () => {
  for (const state of ["discarding", "closing", "half-closing", "ended"] as const) {
    for (const next of ["reading head", "reading body", "responding"] as const) {
      throws(() => nextState(state, next), /can't be/);
    }
  }
});

/** A handler that responds as soon as some of the body is there. */
function refuse(status: number) {
  return (request: HttpRequest, respond: Respond) => {
    const { body } = request;
    if (!isBodySource(body)) return;
    let isAnswered = false;
    body.attach({
      write() {
        if (isAnswered) return;
        isAnswered = true;
        respond({ status, headers: {}, body: null });
      },
      end() {},
      fail() {},
    });
  };
}

Deno.test("a body that is refused in the middle and malformed after that gets one response", () => {
  const kit = new ConnectionKit(refuse(413));
  const { socket, connection } = kit.connect();
  connection.received(
    sent("POST /a HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n5\nhello\nmalformed\n"),
  );
  deepEqual(codes(socket.received), ["413"]);
  equal(socket.ending, "shutdown");
});

Deno.test("a client that takes no response to a head that was too long gets no other after it", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  socket.roomBytes = 0;
  connection.received(sent("\n".repeat(1000)));
  connection.received(sent(`GET /${"a".repeat(20_000)}`));
  kit.clock.advance(60_000);
  socket.roomBytes = Infinity;
  connection.drained();
  deepEqual(codes(socket.received), ["431"]);
  equal(socket.ending, "shutdown");
});

Deno.test("a client whose body nobody wants is read from while its response goes on", () => {
  const kit = new ConnectionKit();
  const { socket, connection } = kit.connect();
  const length = 200_000;
  connection.received(sent(`GET /a HTTP/1.1\nHost: h\nContent-Length: ${length}\n\n`));
  connection.received(new Uint8Array(length / 2));
  equal(socket.isPaused, true);
  kit.only.respond({ body: { limitBytes: 1, attach() {}, drained() {}, disconnected() {} } });
  match(socket.received, /^HTTP\/1\.1 200 .*connection: close/s);
  equal(socket.isPaused, false);
});
