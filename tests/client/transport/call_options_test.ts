import { deepStrictEqual as equal } from "node:assert";
import { Client } from "../../../src/client/client.ts";
import type { CallOptions } from "../../../src/client/transport/call_options.ts";
import { scripted } from "../../support/client/scripted_fetch.ts";

const ANSWER = {
  status: 200,
  headers: { "stream-next-offset": "1", "stream-closed": "true", "content-type": "text/plain" },
};
const TEXT = { contentType: "text/plain" };

function kit(answers = 8) {
  const { requests, transport } = scripted(...Array.from({ length: answers }, () => ANSWER));
  const client = new Client("http://localhost/v1/stream?base=1", {
    transport,
    headers: { "x-client": "c", "x-both": "client" },
    query: { tenant: () => "t 1", both: "client" },
  });
  return { requests, client };
}

const OWN: CallOptions = {
  headers: { "X-Both": () => Promise.resolve("call"), "x-call": "1" },
  query: () => ({ both: "call", offset: "evil", call: "1" }),
};

const CALLS: readonly [string, (client: Client) => Promise<unknown>][] = [
  ["create", (client) => client.create("s", OWN)],
  ["fork", (client) => client.fork("a", "s", OWN)],
  ["head", (client) => client.head("s", OWN)],
  ["exists", (client) => client.exists("s", OWN)],
  ["close", (client) => client.close("s", OWN)],
  ["delete", (client) => client.delete("s", OWN)],
  ["send", (client) => client.writer("s", TEXT).send("x", OWN)],
  ["sendJson", (client) => client.writer("s", TEXT).sendJson(1, OWN)],
  ["a writer's close", (client) => client.writer("s").close(OWN)],
  ["a writer", (client) => client.writer("s", { ...TEXT, ...OWN }).send("x")],
  ["a reader", (client) => client.reader("s", OWN).read()],
  ["all", (client) => client.reader("s", OWN).all()],
  ["a producer", async (client) => {
    const producer = client.producer("s", { id: "p", ...TEXT, ...OWN });
    await producer.send("x");
    await producer.flush();
  }],
];

for (const [what, call] of CALLS) {
  Deno.test(`${what} takes headers and parameters of its own, which win over the client's`, async () => {
    const { client, requests } = kit();
    await call(client);
    const [request] = requests;
    const { searchParams } = new URL(request?.url ?? "");
    equal(
      ["x-client", "x-both", "x-call"].map((name) => request?.headers[name]),
      ["c", "call", "1"],
    );
    equal(
      ["base", "tenant", "both", "call"].map((name) => searchParams.getAll(name)),
      [["1"], ["t 1"], ["call"], ["1"]],
    );
    // What the protocol itself asks for stays.
    if (request?.method === "GET") equal(searchParams.getAll("offset"), ["-1"]);
  });
}

Deno.test("functions are asked for each request, and the next call is without", async () => {
  const { client, requests } = kit();
  let asked = 0;
  const counted = { query: { n: () => String(++asked) } };
  const writer = client.writer("s", { ...TEXT, ...counted });
  await writer.send("x");
  await writer.send("y", { headers: { "x-once": "1" } });
  await writer.send("z");
  equal(requests.map(({ url }) => new URL(url).searchParams.get("n")), ["1", "2", "3"]);
  equal(requests.map(({ headers }) => headers["x-once"]), [undefined, "1", undefined]);
});

Deno.test("parameters are in the order of their names, so that caches know a URL again", async () => {
  const { client, requests } = kit();
  await client.head("s", { query: { zebra: "1", a: "2" } });
  equal(
    new URL(requests[0]?.url ?? "").search,
    "?a=2&base=1&both=client&offset=now&tenant=t+1&zebra=1",
  );
});
