import { deepEqual, equal, ok } from "node:assert/strict";
import { YjsProvider } from "@durable-streams/y-durable-streams";
import { YjsServer } from "@durable-streams/y-durable-streams/server";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { until } from "../support/until.ts";
import { COMPAT_TARGETS, compatTest, sharedServer } from "./targets.ts";

/**
 * Yjs documents by `@durable-streams/y-durable-streams` as it is: its provider, and its server, which
 * keeps updates, snapshots and who is there in streams of this one.
 */

/** So small that a few updates are made one snapshot. */
const COMPACTED_BYTES = 2_000;

/** The package's server on top of ours, for as long as a test runs. */
async function startYjs(url: string) {
  const server = new YjsServer({
    port: 0,
    host: "127.0.0.1",
    dsServerUrl: new URL(url).origin,
    compactionThreshold: COMPACTED_BYTES,
  });
  const base = await server.start();
  return {
    baseUrl: `${base}/v1/yjs/compat`,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Somebody who edits; resolves once the document is there. */
async function join(baseUrl: string, docId: string, liveMode: "sse" | "long-poll") {
  const doc = new Y.Doc();
  const awareness = new Awareness(doc);
  const provider = new YjsProvider({ doc, baseUrl, docId, awareness, liveMode });
  await until(() => provider.synced, () => "the document is there");
  return {
    doc,
    awareness,
    provider,
    text: doc.getText("text"),
    [Symbol.dispose]() {
      provider.destroy();
      awareness.destroy();
      doc.destroy();
    },
  };
}

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);

  for (const live of ["sse", "long-poll"] as const) {
    compatTest(
      target,
      `Yjs by ${live}: two edit a document at once and end up with the same`,
      async () => {
        await using yjs = await startYjs(server.url);
        const docId = `shared-${live}`;
        using kim = await join(yjs.baseUrl, docId, live);
        using lee = await join(yjs.baseUrl, docId, live);
        kim.text.insert(0, "wörld 🌍");
        await until(() => lee.text.toString() === "wörld 🌍", () => "Lee sees what Kim wrote");
        lee.text.insert(0, "hello ");
        kim.text.insert(kim.text.length, "!");
        for (const { text } of [kim, lee]) {
          await until(() => text.toString() === "hello wörld 🌍!", () => `${text}`);
        }
        using late = await join(yjs.baseUrl, docId, live);
        equal(late.text.toString(), "hello wörld 🌍!");
      },
    );
  }

  compatTest(target, "Yjs: who is there is seen by others, and that they leave", async () => {
    await using yjs = await startYjs(server.url);
    using kim = await join(yjs.baseUrl, "presence", "sse");
    const seen = () => [...kim.awareness.getStates().values()].map(({ name }) => name);
    {
      using lee = await join(yjs.baseUrl, "presence", "sse");
      lee.awareness.setLocalStateField("name", "Lee");
      await until(() => seen().includes("Lee"), () => `Kim sees ${seen()}`);
      await lee.provider.disconnect();
    }
    await until(() => !seen().includes("Lee"), () => `Kim sees ${seen()}`);
  });

  compatTest(target, "Yjs: a document that was made one snapshot is read as it was", async () => {
    await using yjs = await startYjs(server.url);
    const docId = "compacted";
    const written: string[] = [];
    {
      using kim = await join(yjs.baseUrl, docId, "sse");
      for (let n = 0; n < 40; n++) {
        const line = `line ${n}: ${"x".repeat(100)}\n`;
        kim.text.insert(kim.text.length, line);
        written.push(line);
        await kim.provider.flush();
      }
    }
    const snapshots = async () => {
      const answer = await fetch(`${yjs.baseUrl}/docs/${docId}?offset=snapshot`, {
        redirect: "manual",
      });
      await answer.body?.cancel();
      return answer.headers.get("location") ?? "";
    };
    await until(async () => (await snapshots()).includes("_snapshot"), () => "there is a snapshot");
    using late = await join(yjs.baseUrl, docId, "sse");
    equal(late.text.toString(), written.join(""));
  });

  compatTest(target, "Yjs: a document survives the end of its own server", async () => {
    {
      await using yjs = await startYjs(server.url);
      using kim = await join(yjs.baseUrl, "kept", "sse");
      kim.doc.getArray("list").push([1, 2, 3]);
      await kim.provider.flush();
    }
    await using yjs = await startYjs(server.url);
    using lee = await join(yjs.baseUrl, "kept", "sse");
    deepEqual(lee.doc.getArray("list").toArray(), [1, 2, 3]);
    ok(lee.provider.connected);
  });
}
