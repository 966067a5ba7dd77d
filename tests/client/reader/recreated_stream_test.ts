import { deepStrictEqual as equal, rejects } from "node:assert";
import type { Reader } from "../../../src/client/reader/reader.ts";
import { CLOSE, JSON_TYPE } from "../../support/fixture.ts";
import { AppKit } from "../../support/client/reader_kit.ts";

/** A stream that is deleted and made again while its reader does something else. */

const MODES = ["auto", "sse", "long-poll", "catch-up"] as const;
const GONE = { code: "gone", status: 410, serverCode: "offset_gone", message: /begin at -1/ };

async function makeAgain(kit: AppKit, ...messages: string[]): Promise<void> {
  await kit.delete("q");
  await kit.make("q", { ...JSON_TYPE, ...CLOSE }, JSON.stringify(messages));
}

async function valuesOf(reader: Reader): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of reader.json()) values.push(value);
  return values;
}

for (const readMode of MODES) {
  Deno.test(`recreated: a reader at the tail of the old stream gets gone, and reads none of the new one (${readMode})`, async () => {
    for (const old of [[], ["O1"]]) {
      const kit = new AppKit();
      await kit.make("q", JSON_TYPE, JSON.stringify(old));
      const reader = kit.client.reader("q", { readMode });
      const seen: unknown[] = [];
      const first = await kit.until(reader.read());
      seen.push(...first.messages.map((message) => message.json()));
      equal(seen, old);
      await makeAgain(kit, "N1", "N2");
      await rejects(kit.until(valuesOf(reader)), GONE);
      // Only its user knows what is to become of the old one's messages.
      await rejects(kit.until(reader.read()), GONE);
      equal(await kit.until(valuesOf(reader.seek("-1"))), ["N1", "N2"]);
    }
  });
}

for (const readMode of ["auto", "sse", "long-poll"] as const) {
  Deno.test(`recreated while a reader waits: it ends, and reads none of the new stream (${readMode})`, async () => {
    const kit = new AppKit();
    await kit.make("q", JSON_TYPE, '["O1"]');
    const reader = kit.client.reader("q", { readMode });
    await kit.until(reader.read());
    const waiting = kit.until(valuesOf(reader));
    // A request that the deletion itself ends comes before there is another stream.
    const ended = rejects(waiting, ({ code }) => code === "gone" || code === "not_found");
    await makeAgain(kit, "N1", "N2");
    await ended;
  });
}

Deno.test("recreated: no place in the old stream is one in the new, not even between messages of the first response", async () => {
  const kit = new AppKit();
  await kit.make("q", JSON_TYPE, '["O1","O2","O3"]');
  const places: string[] = [];
  const { messages } = await kit.client.reader("q", { readMode: "catch-up" }).read();
  for (const { offset } of messages) places.push(offset);
  const stopped = kit.client.reader("q");
  for await (const message of stopped) if (message.text() === '"O1"') break;
  places.push(stopped.offset);
  equal(places, [`${kit.offset(0)}/1`, `${kit.offset(0)}/2`, kit.offset(18), `${kit.offset(0)}/1`]);
  await makeAgain(kit, "N1", "N2", "N3", "N4");
  for (const offset of places) {
    await rejects(valuesOf(kit.client.reader("q", { offset })), GONE);
  }
});

Deno.test("a place between messages of the first response continues there while the stream is the same", async () => {
  const kit = new AppKit();
  await kit.make("q", { ...JSON_TYPE, ...CLOSE }, '["O1","O2","O3"]');
  const first = kit.client.reader("q");
  for await (const message of first) if (message.text() === '"O1"') break;
  equal(await valuesOf(kit.client.reader("q", { offset: first.offset })), ["O2", "O3"]);
});
