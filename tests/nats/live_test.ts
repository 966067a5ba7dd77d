import { deepEqual, equal, ok } from "node:assert/strict";
import { newestAnswer } from "../../src/ai/chat_log.ts";
import { chatTransport } from "../../src/ai/chat_transport.ts";
import { pipeChat } from "../../src/ai/pipe_chat.ts";
import { Client } from "../../src/client/client.ts";
import { fetchTransport } from "../../src/client/transport/transport.ts";
import { collect, FINISH, ScriptedModel, text, TEXT_END, TEXT_START } from "../ai/chat_kit.ts";
import { natsTest } from "../support/nats/find_nats_server.ts";
import { NatsCluster } from "../support/nats/nats_cluster.ts";
import { until } from "../support/until.ts";
import { FrontEnds } from "./front_ends.ts";

/** Many streams on one connection, and chats, over front ends that know nothing of each other. */

const TYPE = { contentType: "application/json" };

natsTest("readers, patterns and chats go over two front ends, of which one is killed", async () => {
  await using cluster = await NatsCluster.start({ servers: 3 });
  for (const workers of ["1", "2"]) {
    const flags = ["--shards", "1", "--listing", "--workers", workers];
    await using frontEnds = await FrontEnds.start(cluster, flags);
    await follow(frontEnds, `jobs-${workers}`);
  }
});

async function follow(frontEnds: FrontEnds, folder: string): Promise<void> {
  const { client, requests } = clientOf(frontEnds);
  const names = [1, 2, 3].map((number) => `${folder}/${number}`);
  for (const name of names) await client.create(name, TYPE);
  const leaving = new AbortController();
  const { signal } = leaving;
  const merged: Record<string, unknown[]> = {};
  const merging = (async () => {
    const options = { patterns: [`${folder}/**`], signal, maxElapsedMs: Infinity };
    for await (const { stream, message } of client.live([], options)) {
      (merged[stream] ??= []).push(message.json());
    }
  })().catch(ignoreAbort(signal));
  const shared: Record<string, unknown[]> = {};
  const reading = names.map(async (name) => {
    const reader = client.reader(name, { maxElapsedMs: Infinity });
    for await (const value of reader.json()) (shared[name] ??= []).push(value);
  });
  const sent: Record<string, unknown[]> = {};
  const append = async (value: string, close = false) => {
    for (const name of names) {
      const producer = client.producer(name, { id: `p-${value}`, maxElapsedMs: Infinity });
      await producer.sendJson(value);
      if (close) await producer.closeStream();
      await producer.flush();
      (sent[name] ??= []).push(value);
    }
  };
  const isAll = (seen: Record<string, unknown[]>) =>
    Object.entries(sent).every(([name, values]) => seen[name]?.length === values.length);
  await append("one");
  await until(() => isAll(merged) && isAll(shared), () => JSON.stringify({ merged, shared }));
  // Both follow by it: the first one's pattern, and the readers that share another connection.
  ok(requests.filter((each) => each === "POST __ds/live").length >= 2, requests.join("\n"));
  await frontEnds.kill(0);
  const later = `${folder}/4`;
  names.push(later);
  await client.create(later, TYPE);
  await append("two", true);
  await Promise.all(reading);
  await until(() => isAll(merged), () => JSON.stringify(merged));
  deepEqual(merged, sent);
  deepEqual({ ...shared, [later]: ["two"] }, sent);
  leaving.abort();
  await merging;
  await frontEnds.restart(0);
  await chat(client, requests, `${folder}-chat`);
}

/** An answer that one front end's client writes and another's reads. */
async function chat(client: Client, requests: string[], id: string): Promise<void> {
  const model = new ScriptedModel().say(TEXT_START, text("It "));
  const piped = await pipeChat({ client, chat: id, source: model.source });
  const stream = await chatTransport({ streams: client }).reconnectToStream({ chatId: id });
  ok(stream !== null);
  const chunks = collect(stream);
  model.say(text("goes on."), TEXT_END, FINISH).end();
  equal(await piped.done, "finished");
  const deltas = (await chunks).flatMap((chunk) => "delta" in chunk ? [chunk.delta] : []);
  equal(deltas.join(""), "It goes on.");
  const answer = crypto.randomUUID();
  // One that says no more: only the stop ends it.
  const { source } = new ScriptedModel().say(TEXT_START);
  const { done } = await pipeChat({ client, chat: id, answer, source });
  requests.length = 0;
  deepEqual(await newestAnswer(client, { chat: id }), { answer });
  const ofChat = requests.filter((each) => each.startsWith(`GET chats/${id}?`));
  deepEqual(ofChat, [`GET chats/${id}?tail=1`]);
  await client.close(`chats/${id}/${answer}`);
  equal(await done, "stopped");
}

/** A client whose requests come to the front ends by turns. */
function clientOf(frontEnds: FrontEnds): { client: Client; requests: string[] } {
  const requests: string[] = [];
  const base = "http://front-ends.test/v1/stream/";
  const transport = fetchTransport({
    fetch: (url, init) => {
      const path = url.slice(base.length);
      requests.push(`${init.method} ${path}`);
      return frontEnds.fetch(path, init);
    },
  });
  return { client: new Client(base, { transport }), requests };
}

function ignoreAbort(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}
