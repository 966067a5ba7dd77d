import { equal, ok } from "node:assert/strict";
import { type AskedServer, attempt } from "../kill/killed_server.ts";
import { Lifecycles } from "../kill/lifecycles.ts";
import { LoadedStream } from "../kill/loaded_stream.ts";
import { until } from "../support/until.ts";
import type { FrontEnds } from "./front_ends.ts";

/** Between two appends of one writer: the machine has to keep up with servers and front ends, too. */
const PAUSE_MS = 10;

/**
 * Lets clients write to streams and read them, through all front ends by turns, while something goes wrong;
 * afterwards all of them have to get on, and what is stored has to be what was acknowledged, once and in one
 * order, for each front end and each reader.
 *
 * @param name of this load's own, so that its streams are
 */
export async function underLoad(
  frontEnds: FrontEnds,
  name: string,
  fault: () => Promise<void>,
): Promise<void> {
  const streams = [`${name}/a`, `${name}/b`].map((stream) => new LoadedStream(stream, PAUSE_MS));
  const lifecycles = new Lifecycles(`${name}/short`);
  let over = false;
  const isOver = () => over;
  let givenUp = false;
  const damage = Promise.withResolvers<void>();
  const asked: AskedServer = {
    async fetch(path, init) {
      // Readers go on until their stream is closed: where it never is, they wait for an answer for ever.
      if (givenUp) return await new Promise<never>(() => {});
      const response = await frontEnds.fetch(path, init);
      // Nothing here harms what is stored: clients would ask again and again.
      if (response.status === 500) damage.reject(new Error(`${path}: ${await response.text()}`));
      return response;
    },
  };
  try {
    for (let index = 0; index < frontEnds.count; index++) {
      await untilAnswered(frontEnds, index).fetch(`${name}/ready`, { method: "PUT" });
    }
    for (const stream of streams) await stream.create(untilAnswered(frontEnds, 0));
    const writing = [
      ...streams.flatMap((stream) => stream.write(asked, isOver)),
      lifecycles.run(asked, isOver),
    ];
    const reading = streams.flatMap((stream) => stream.read(asked));
    const failed = Promise.race([damage.promise, Promise.all(writing).then(() => undefined)]);
    await Promise.race([failed, hasWritten(streams)]);
    await Promise.race([failed, fault()]);
    await Promise.race([failed, hasWritten(streams)]);
    over = true;
    await Promise.all(writing);
    for (const stream of streams) await stream.close(untilAnswered(frontEnds, 0));
    await Promise.all(reading);
    for (let index = 0; index < frontEnds.count; index++) {
      const one = untilAnswered(frontEnds, index);
      for (const stream of streams) stream.check(await stream.stored(one));
      await lifecycles.check(one);
    }
  } catch (error) {
    console.log(frontEnds.output());
    throw error;
  } finally {
    over = true;
    givenUp = true;
  }
}

/** One front end, asked again while it says that it can't tell: a log may be without a leader yet. */
function untilAnswered(frontEnds: FrontEnds, index: number): AskedServer {
  return {
    async fetch(path, init) {
      let answer: Response | undefined;
      await until(async () => {
        await answer?.body?.cancel();
        answer = await frontEnds.fetchFrom(index, path, init).catch(() => undefined);
        return answer !== undefined && answer.status !== 503;
      }, () => `${path} is answered`);
      return answer ?? Response.error();
    },
  };
}

/** Waits until each writer has had more acknowledged than at the call. */
async function hasWritten(streams: readonly LoadedStream[]): Promise<void> {
  const before = streams.map(({ acknowledged }) => acknowledged);
  await until(
    () =>
      streams.every(({ acknowledged }, stream) =>
        acknowledged.every((count, writer) => count > (before[stream]?.[writer] ?? 0) + 3)
      ),
    () => "all writers get on",
  );
}

/** Appends once and has to be told that it can't be, and when to ask again. */
export async function refusedForNow(
  frontEnds: FrontEnds,
  index: number,
  path: string,
): Promise<void> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"n":0}' };
  const response = await frontEnds.fetchFrom(index, path, init);
  const body = await response.text();
  equal(response.status, 503, body);
  ok(response.headers.has("retry-after"), body);
}

/** All of a stream as one front end has it; `undefined` where it says that it can't be read. */
export async function textOf(
  frontEnds: FrontEnds,
  index: number,
  stream: string,
): Promise<string | undefined> {
  const one = {
    fetch: (path: string, init?: RequestInit) => frontEnds.fetchFrom(index, path, init),
  };
  let text = "";
  for (let offset = "-1";;) {
    const answer = await attempt(one, `${stream}?offset=${offset}`, {});
    if (answer === undefined) return undefined;
    equal(answer.status, 200);
    text += new TextDecoder().decode(answer.body);
    offset = answer.headers.get("stream-next-offset") ?? "";
    if (answer.headers.get("stream-up-to-date") === "true") return text;
  }
}
