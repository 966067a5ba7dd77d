import { deepEqual, equal } from "node:assert/strict";
import { answerFetch } from "../page_globals.ts";
import { token, tokenRefusal } from "../../../src/page/api/request.ts";
import { LiveRead, type ReadState } from "../../../src/page/reading/live_read.ts";
import { textOf } from "../../../src/page/reading/message.ts";

const TAIL = "abcdefgh-0000000000000002";

function answerOf(data: string, control: Record<string, unknown>): Response {
  const body = `event: data\ndata:${data}\n\nevent: control\ndata:${
    JSON.stringify({ streamNextOffset: TAIL, ...control })
  }\n\n`;
  return new Response(body, { headers: { "stream-next-offset": "abcdefgh-0000000000000000" } });
}

/** Reads until the stream's end; what came, and how the read was. */
async function readAll(): Promise<{ texts: string[]; states: ReadState["kind"][] }> {
  const texts: string[] = [];
  const states: ReadState["kind"][] = [];
  await new Promise<void>((resolve) =>
    new LiveRead("a", "text", { offset: "-1" }, {
      onState: ({ kind }) => {
        states.push(kind);
        if (kind === "ended" || kind === "failed") resolve();
      },
      onStart: () => {},
      onTrimmed: () => texts.push("trimmed"),
      onMessages: (messages) => texts.push(...messages.map(({ bytes }) => textOf(bytes))),
      shouldHold: () => false,
    })
  );
  return { texts, states };
}

Deno.test("answers that end at once are asked for anew after a pause, from where the last one ended", async () => {
  const asked: [offset: string | null, atMs: number][] = [];
  answerFetch((request) => {
    asked.push([new URL(request.url).searchParams.get("offset"), performance.now()]);
    return Promise.resolve(answerOf("xy", { streamClosed: asked.length === 2 }));
  });
  deepEqual((await readAll()).texts, ["xy", "xy"]);
  const [[, firstMs] = ["", 0], [offset, secondMs] = ["", 0]] = asked;
  equal(offset, TAIL);
  equal(secondMs - firstMs >= 240, true, `${secondMs - firstMs} ms between them`);
});

Deno.test("whoever reads goes on behind what was trimmed meanwhile", async () => {
  const [earliest, later] = ["abcdefgh_0000000000000008", "abcdefgh_0000000000000009"];
  const asked: (string | null)[] = [];
  answerFetch((request) => {
    asked.push(new URL(request.url).searchParams.get("offset"));
    if (asked.length === 1) return Promise.resolve(answerOf("xy", {}));
    if (asked.length === 2) {
      const headers = { "stream-earliest-offset": earliest };
      return Promise.resolve(new Response("", { status: 410, headers }));
    }
    if (asked.length === 3) {
      const control = { trimmed: true, earliestOffset: later };
      const body = `event: control\ndata:${
        JSON.stringify({ streamNextOffset: earliest, ...control })
      }\n\n`;
      return Promise.resolve(new Response(body, { headers: { "stream-next-offset": earliest } }));
    }
    return Promise.resolve(answerOf("z", { streamClosed: true }));
  });
  deepEqual((await readAll()).texts, ["xy", "trimmed", "trimmed", "z"]);
  deepEqual(asked, ["-1", TAIL, earliest, later]);
});

Deno.test("a token that is over is waited for, and the read goes on with the next one", async () => {
  token.value = "old";
  const shown: (string | null)[] = [];
  answerFetch((request) => {
    const credentials = request.headers.get("authorization");
    shown.push(credentials);
    if (credentials === "Bearer new") {
      return Promise.resolve(answerOf("xy", { streamClosed: true }));
    }
    const stop = tokenRefusal.subscribe((refusal) => {
      if (refusal === undefined) return;
      queueMicrotask(() => {
        stop();
        token.value = "new";
        tokenRefusal.value = undefined;
      });
    });
    return Promise.resolve(new Response("", { status: 401 }));
  });
  const { texts, states } = await readAll();
  deepEqual([shown, texts], [["Bearer old", "Bearer new"], ["xy"]]);
  deepEqual(states, ["connecting", "retrying", "connecting", "live", "ended"]);
  token.value = undefined;
});
