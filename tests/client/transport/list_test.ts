import { deepStrictEqual as equal } from "node:assert";
import { Client } from "../../../src/client/client.ts";
import type { ListedStream, ListOptions } from "../../../src/client/transport/list.ts";
import { Fixture, TEXT } from "../../support/fixture.ts";
import { failed, ProducerFixture } from "../../support/client/producer_fixture.ts";
import { scripted } from "../../support/client/scripted_fetch.ts";

async function fixture(...names: string[]): Promise<ProducerFixture> {
  const made = new ProducerFixture(new Fixture({ listing: true }));
  for (const name of names) await made.server.make(name, TEXT, "abc");
  return made;
}

async function names(client: Client, options?: ListOptions): Promise<string[]> {
  return (await all(client, options)).map(({ name }) => name);
}

async function all(client: Client, options?: ListOptions): Promise<ListedStream[]> {
  const listed: ListedStream[] = [];
  for await (const stream of client.list(options)) listed.push(stream);
  return listed;
}

Deno.test("streams come in the order of their names, page by page", async () => {
  const at = await fixture("b", "a/1", "a/2", "c");
  equal(await names(at.client, { pageSize: 2 }), ["a/1", "a/2", "b", "c"]);
  equal(at.transport.requests.map(({ url }) => new URL(url).search).slice(0, 2), [
    "?limit=2",
    "?after=a%2F2&limit=2",
  ]);
});

Deno.test("prefix and after choose among them", async () => {
  const at = await fixture("b", "a/1", "a/2", "a/3", "c");
  equal(await names(at.client, { prefix: "a/", after: "a/1", pageSize: 1 }), ["a/2", "a/3"]);
});

Deno.test("each stream says what it is", async () => {
  const at = await fixture();
  await at.server.make("s", { ...TEXT, "stream-ttl": "60" }, "abc");
  const [stream] = await all(at.client);
  equal(stream?.name, "s");
  equal([stream?.nextOffset, stream?.closed, stream?.contentType, stream?.ttlSeconds], [
    at.server.offset(3),
    false,
    "text/plain",
    60,
  ]);
});

Deno.test("who stops early asks for no further page", async () => {
  const at = await fixture("a", "b", "c");
  for await (const _ of at.client.list({ pageSize: 1 })) break;
  equal(at.transport.requests.length, 1);
});

Deno.test("a response that is no listing is an invalid_response", async () => {
  for (
    const text of ["<html>", "null", "[]", "{}", '{"streams":[null]}', '{"streams":[{"name":"a"}]}']
  ) {
    const { transport } = scripted({ status: 200, text });
    const client = new Client("http://localhost/v1/stream", { transport });
    await failed(all(client), "invalid_response", /no listing of streams/);
  }
});
