import { deepStrictEqual as equal } from "node:assert";
import type { CreateOptions } from "../../../src/client/client.ts";
import type { ClientErrorCode } from "../../../src/client/errors/client_error.ts";
import type { Fields } from "../../support/fixture.ts";
import { json, OtherServer, reply } from "./other_server.ts";

/** What a create sends of the headers that mean something, and its body. */
async function sentBy(options: CreateOptions): Promise<Record<string, string>> {
  const server = new OtherServer([reply(201, "a")]);
  await server.run(server.client.create("s", options));
  const [asked] = server.asked;
  return { ...Object.fromEntries(asked?.headers ?? []), body: asked?.body ?? "" };
}

Deno.test("PROTOCOL §5.1: 201 means that it was created, 200 that it was there", async () => {
  for (const [status, created] of [[201, true], [200, false]] as const) {
    const server = new OtherServer([reply(status, "a", { "content-type": "text/plain" })]);
    equal(await server.run(server.client.create("s")), {
      contentType: "text/plain",
      nextOffset: "a",
      closed: false,
      created,
    });
  }
});

const REQUESTS: readonly [string, CreateOptions, Fields][] = [
  ["nothing", {}, { body: "" }],
  ["a content type", { contentType: "text/plain" }, { "content-type": "text/plain", body: "" }],
  ["a TTL", { ttlSeconds: 3600 }, { "stream-ttl": "3600", body: "" }],
  ["a TTL of 0", { ttlSeconds: 0 }, { "stream-ttl": "0", body: "" }],
  ["a date of expiry", { expiresAt: new Date(0) }, {
    "stream-expires-at": "1970-01-01T00:00:00.000Z",
    body: "",
  }],
  ["an expiry as text", { expiresAt: "2026-01-01T00:00:00+02:00" }, {
    "stream-expires-at": "2026-01-01T00:00:00+02:00",
    body: "",
  }],
  ["closure", { closed: true }, { "stream-closed": "true", body: "" }],
  ["no closure", { closed: false }, { body: "" }],
  ["first content", { initialData: "hi" }, { body: "hi" }],
];

for (const [what, options, sent] of REQUESTS) {
  Deno.test(`PROTOCOL §5.1: a create with ${what} sends just that`, async () => {
    equal(await sentBy(options), sent);
  });
}

const REFUSALS: readonly [number, ClientErrorCode][] = [
  [400, "bad_request"],
  [404, "not_found"],
  [409, "conflict"],
  [410, "gone"],
];

for (const [status, code] of REFUSALS) {
  Deno.test(`PROTOCOL §5.1: ${status} to a create is ${code}, without a body too`, async () => {
    const server = new OtherServer([new Response(null, { status })]);
    await server.failed(server.client.create("s"), code);
  });
}

Deno.test("PROTOCOL §5.1: a create is repeated, as it may be, until it is answered", async () => {
  const server = new OtherServer([
    new TypeError("reset"),
    new Response(null, { status: 502 }),
    reply(200, "a"),
  ]);
  await server.run(server.client.create("s", { contentType: "text/plain", initialData: "x" }));
  equal(server.log, ["PUT s", "PUT s", "PUT s"]);
  equal(new Set(server.asked.map(({ body }) => body)), new Set(["x"]));
});

const FORKS: readonly [string, CreateOptions, Fields][] = [
  ["a name", { forkFrom: "a b/ü" }, { "stream-forked-from": "/v1/stream/a%20b/%C3%BC" }],
  ["an offset", { forkFrom: { path: "src", offset: "1_2" } }, {
    "stream-forked-from": "/v1/stream/src",
    "stream-fork-offset": "1_2",
  }],
  ["a message's place", { forkFrom: { path: "src", offset: "1_2/7" } }, {
    "stream-forked-from": "/v1/stream/src",
    "stream-fork-offset": "1_2",
    "stream-fork-sub-offset": "7",
  }],
  ["a message's place and further ones", {
    forkFrom: { path: "src", offset: "1_2/7", subOffset: 3 },
  }, {
    "stream-forked-from": "/v1/stream/src",
    "stream-fork-offset": "1_2",
    "stream-fork-sub-offset": "10",
  }],
  ["the start", { forkFrom: { path: "src", offset: "-1", subOffset: 0 } }, {
    "stream-forked-from": "/v1/stream/src",
    "stream-fork-offset": "-1",
  }],
];

for (const [what, options, sent] of FORKS) {
  Deno.test(`PROTOCOL §4.2: a fork from ${what} names the source's path and leaves the type to it`, async () => {
    equal(await sentBy(options), { ...sent, body: "" });
  });
}

Deno.test("PROTOCOL §4.2: a source that was deleted is a conflict, one that never was is not found", async () => {
  for (const [status, code] of [[409, "conflict"], [404, "not_found"]] as const) {
    const server = new OtherServer([new Response(null, { status })]);
    await server.failed(server.client.fork("src", "s"), code);
  }
});

Deno.test("PROTOCOL §4.2: a message's offset is where a fork of any server's stream branches off", async () => {
  const server = new OtherServer([
    json("u1", "[1,2,3]", { "stream-closed": "true" }),
    reply(201, "u1"),
  ]);
  const fork = async () => {
    for await (const message of server.client.reader("src")) {
      if (message.text() === "2") return await server.client.fork("src", "s", message);
    }
  };
  equal((await server.run(fork()))?.created, true);
  const { headers } = server.asked[1] ?? {};
  equal(
    [headers?.get("stream-fork-offset"), headers?.get("stream-fork-sub-offset")],
    ["-1", "2"],
  );
});
