import { deepEqual, equal, match, ok } from "node:assert/strict";
import { resumeServerSentEventsResponse, toServerSentEventsResponse } from "@tanstack/ai";
import { Client } from "../../../src/client/client.ts";
import { tanstackDurability } from "../../../src/ai/tanstack.ts";
import { inRepo } from "../../tools/repo.ts";
import { CompatServer } from "../compat_server.ts";

type Event = Record<string, unknown> & { type: string };

const RUN = { threadId: "t", runId: "r" };

async function* model(): AsyncGenerator<Event> {
  yield { type: "RUN_STARTED", ...RUN };
  yield { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" };
  for (const delta of ["one ", "two ", "three"]) {
    yield { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta };
  }
  yield { type: "TEXT_MESSAGE_END", messageId: "m" };
  await Promise.resolve();
  yield { type: "RUN_FINISHED", ...RUN };
}

/** The ids and the texts of an SSE body's events. */
function eventsIn(body: string): { id: string; delta: string }[] {
  return body.split("\n\n").filter((event) => event.includes("id:")).map((event) => ({
    id: /^id: ?(.*)$/m.exec(event)?.[1] ?? "",
    delta: /"delta":"([^"]*)"/.exec(event)?.[1] ?? "",
  }));
}

Deno.test("TanStack's own response is stored, and resumed behind each of its events", async () => {
  await using server = await CompatServer.start([Deno.execPath(), "run", "-A", inRepo("main.ts")]);
  const client = new Client(server.url);
  const path = "tanstack/run";
  const adapter = (request: Request) => tanstackDurability<Event>({ client, path, request });
  // deno-lint-ignore no-explicit-any -- untyped in the check of the whole tree, and narrower in its types
  const durability = (request: Request) => adapter(request) as any;
  const first = toServerSentEventsResponse(
    // deno-lint-ignore no-explicit-any -- as above
    model() as any,
    { durability: { adapter: durability(new Request("http://app.test/")), batch: 2 } },
  );
  const all = eventsIn(await first.text());
  equal(all.map(({ delta }) => delta).join(""), "one two three");
  ok((await client.head(path)).closed);
  for (const [index, { id }] of all.entries()) {
    const request = new Request("http://app.test/", { headers: { "last-event-id": id } });
    const resumed = resumeServerSentEventsResponse({ adapter: durability(request) });
    const rest = eventsIn(await resumed.text());
    // A place may be named by the tail before it or after it: what comes behind it is the same.
    const deltas = (events: readonly { delta: string }[]) => events.map(({ delta }) => delta);
    deepEqual(deltas(rest), deltas(all.slice(index + 1)));
  }
  match(all[0]?.id ?? "", /./);
});
