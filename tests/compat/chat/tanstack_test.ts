import { deepEqual, equal, match, ok } from "node:assert/strict";
import { resumeServerSentEventsResponse, toServerSentEventsResponse } from "@tanstack/ai";
import { Client } from "../../../src/client/client.ts";
import { tanstackDurability } from "../../../src/ai/tanstack.ts";
import { inRepo } from "../../tools/repo.ts";
import { CompatServer } from "../compat_server.ts";

/** What a model says, as TanStack's events. */
const EVENTS = [
  { type: "RUN_STARTED", threadId: "t", runId: "r" },
  { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
  ...["one ", "two ", "three"].map((delta) => (
    { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta }
  )),
  { type: "TEXT_MESSAGE_END", messageId: "m" },
  { type: "RUN_FINISHED", threadId: "t", runId: "r" },
];

async function* model() {
  for (const event of EVENTS) {
    await Promise.resolve();
    // As it comes from a model's own server: text, of no type.
    yield JSON.parse(JSON.stringify(event));
  }
}

/** The ids and the texts of an SSE body's events. */
function eventsIn(body: string): { id: string; delta: string }[] {
  return body.split("\n\n").filter((event) => event.includes("id:")).map((event) => ({
    id: /^id: ?(.*)$/m.exec(event)?.[1] ?? "",
    delta: /"delta":"([^"]*)"/.exec(event)?.[1] ?? "",
  }));
}

Deno.test("a response of TanStack is stored, and resumed behind each of its events", async () => {
  await using server = await CompatServer.start([Deno.execPath(), "run", "-A", inRepo("main.ts")]);
  const client = new Client(server.url);
  const path = "tanstack/run";
  const first = toServerSentEventsResponse(model(), {
    durability: {
      adapter: tanstackDurability({ client, path, request: new Request("http://app.test/") }),
      batch: 2,
    },
  });
  const all = eventsIn(await first.text());
  equal(all.map(({ delta }) => delta).join(""), "one two three");
  ok((await client.head(path)).closed);
  for (const [index, { id }] of all.entries()) {
    const request = new Request("http://app.test/", { headers: { "last-event-id": id } });
    const resumed = resumeServerSentEventsResponse({
      adapter: tanstackDurability({ client, path, request }),
    });
    const rest = eventsIn(await resumed.text());
    // A place may be named by the tail before it or after it: what comes behind it is the same.
    const deltas = (events: readonly { delta: string }[]) => events.map(({ delta }) => delta);
    deepEqual(deltas(rest), deltas(all.slice(index + 1)));
  }
  match(all[0]?.id ?? "", /./);
});
