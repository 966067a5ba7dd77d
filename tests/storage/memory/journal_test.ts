import { deepStrictEqual as equal } from "node:assert";
import { NO_OTHERS } from "../../../src/storage/journal.ts";
import { MemoryJournal } from "../../../src/storage/memory/journal.ts";
import { newStream } from "../../../src/storage/stream.ts";

const RECORD = {
  kind: "create",
  id: 1,
  atMs: 0,
  name: "s",
  contentType: "text/plain",
  lifetime: { kind: "forever" },
  fork: undefined,
  closed: false,
  data: new Uint8Array(),
} as const;
const EFFECT = {
  stream: newStream(RECORD),
  tail: 0,
  closed: false,
  messages: 0,
  others: NO_OTHERS,
};

Deno.test("what is recorded in one turn is shown together, before anyone is answered", async () => {
  const events: unknown[] = [];
  const journal = new MemoryJournal((effects) => events.push(effects.length));
  const answers = [1, 2].map((lsn) => {
    equal(journal.append(RECORD, EFFECT), lsn);
    equal(journal.isDurable(lsn), false);
    return journal.durable(lsn)?.then(() => events.push(`answer ${lsn}`));
  });
  await Promise.all(answers);
  equal(events, [2, "answer 1", "answer 2"]);
  equal([journal.isDurable(2), journal.durable(2)], [true, undefined]);
});

Deno.test("what is recorded while a turn's records are shown is durable in the next one", async () => {
  let shown = 0;
  const journal = new MemoryJournal(() => {
    if (shown++ === 0) journal.append(RECORD, EFFECT);
  });
  await journal.durable(journal.append(RECORD, EFFECT));
  equal([journal.isDurable(1), journal.isDurable(2)], [true, false]);
  await journal.durable(2);
  equal(shown, 2);
});
