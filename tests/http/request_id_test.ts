import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { encodeErrorBody } from "../../src/http/error_body.ts";
import { fetchWith } from "../../src/http/fetch.ts";
import type { HttpResponse } from "../../src/http/handler.ts";
import { nameRequest, requestIdOf } from "../../src/http/request_id.ts";
import { standFor } from "../../src/http/stand_in.ts";
import { ConnectionKit } from "./connection_kit.ts";

function request(id?: string) {
  return { headers: new Headers(id === undefined ? {} : { "x-request-id": id }) };
}

function failure(body: HttpResponse["body"]): HttpResponse {
  return { status: 404, headers: { "x-own": "1" }, body };
}

Deno.test("a sane id of the client's is taken, and any other is replaced", () => {
  for (const id of ["a", "A-1_b.c", "x".repeat(64)]) equal(requestIdOf(request(id)), id);
  for (const id of ["", "a b", "x".repeat(65), 'a"b', "a\u00e9", "a\tb"]) {
    match(requestIdOf(request(id)), /^[0-9a-f]{8}-[0-9a-z]+$/, JSON.stringify(id));
  }
});

Deno.test("an id that was made stays the request's, and is no other's", () => {
  const one = request();
  equal(requestIdOf(one), requestIdOf(one));
  notEqual(requestIdOf(one), requestIdOf(request()));
  // What is read of a head like the one before is shared.
  notEqual(requestIdOf(one), requestIdOf({ headers: one.headers }));
});

Deno.test("a request that stands for another has its id, also by way of a third", () => {
  const [one, second, third] = [request(), request(), request()];
  standFor(second, one);
  standFor(third, second);
  equal(requestIdOf(third), requestIdOf(one));
  equal(requestIdOf(second), requestIdOf(one));
});

Deno.test("on one connection the same head twice is two requests", () => {
  const kit = new ConnectionKit((_request, respond) =>
    respond({ status: 409, headers: {}, body: encodeErrorBody("gone", "x") })
  );
  const { socket, connection } = kit.connect();
  const head = new TextEncoder().encode("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  for (let i = 0; i < 3; i++) connection.received(head);
  const ids = [...socket.received.matchAll(/\r\nx-request-id: (\S+)\r\n/g)].map(([, id]) => id);
  equal(new Set(ids).size, 3, ids.join());
});

Deno.test("a failure names the request in its header and its body, once", () => {
  const named = nameRequest(failure(encodeErrorBody("gone", "It's }} gone.")), request("r1"));
  deepEqual(named.headers, { "x-own": "1", "x-request-id": "r1" });
  const body = { error: { code: "gone", message: "It's }} gone.", requestId: "r1" } };
  deepEqual(JSON.parse(String(named.body)), body);
  equal(nameRequest(named, request("r2")), named);
});

Deno.test("a failure without our kind of body keeps its own, and what succeeds is left alone", () => {
  for (const body of [null, "text", new Uint8Array(2)]) {
    const named = nameRequest(failure(body), request("r1"));
    equal(named.body, body);
    equal(named.headers["x-request-id"], "r1");
  }
  const success: HttpResponse = { status: 204, headers: {}, body: null };
  equal(nameRequest(success, request("r1")), success);
});

Deno.test("our own HTTP names each request whose answer is a failure", () => {
  const kit = new ConnectionKit((_request, respond) =>
    respond({ status: 409, headers: {}, body: encodeErrorBody("gone", "x") })
  );
  const { socket, connection } = kit.connect();
  connection.received(
    new TextEncoder().encode("GET /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: r7\r\n\r\n"),
  );
  match(socket.received, /\r\nx-request-id: r7\r\n/);
  match(socket.received, /"requestId":"r7"}}\n$/);
});

Deno.test("so does what answers a fetch, to HEAD in the header alone", async () => {
  for (const method of ["GET", "HEAD"]) {
    const asked = new Request("http://x/a", { method, headers: { "x-request-id": "r8" } });
    const body = method === "GET" ? encodeErrorBody("gone", "x") : null;
    const answer = await fetchWith((_request, respond) => respond(failure(body)), asked);
    equal(answer.headers.get("x-request-id"), "r8");
    equal((await answer.text()).includes('"requestId":"r8"'), method === "GET");
  }
});
