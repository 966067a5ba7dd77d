/**
 * The ceiling in a cluster: the bare handler, and for each stream one message at once with all that waits for it,
 * by the client library's own request. `nats_ceiling.ts NATS_URLS`
 */
import process from "node:process";
import { setImmediate } from "node:timers";
import { openLibraryClient } from "../in_process/library_client.ts";
import { type Place, untilReachable } from "../in_process/logs.ts";
import { concatBytes } from "../../src/protocol/bytes.ts";
import { makeHandler } from "./handler.ts";
import { serve } from "./serve.ts";

const SUBJECTS = 1024;

const urls = (process.argv[2] ?? "").split(",");
const client = await openLibraryClient({
  urls,
  load: { kind: "append", streams: SUBJECTS, group: 1, appendBytes: 1, warmSeconds: 0, seconds: 0 },
});
const { places } = client;

/** What goes to one subject. */
class Group {
  readonly #subject: string;
  #bodies: Uint8Array<ArrayBuffer>[] = [];
  #waiting: (() => void)[] = [];
  #isBusy = false;

  constructor({ subject }: Place) {
    this.#subject = subject;
  }

  add(body: Uint8Array<ArrayBuffer>, done: () => void): void {
    this.#bodies.push(body);
    this.#waiting.push(done);
    if (this.#isBusy) return;
    this.#isBusy = true;
    // As in the ceiling on files: what is ready in this turn joins.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      const payload = concatBytes(this.#bodies);
      this.#waiting = [];
      this.#bodies = [];
      await client.publish(this.#subject, payload);
      for (const done of waiting) done();
    }
    this.#isBusy = false;
  }
}

const groups = new Map<string, Group>();

function groupOf(url: string): Group {
  let group = groups.get(url);
  if (group === undefined) {
    const place = places[groups.size % SUBJECTS];
    if (place === undefined) throw new RangeError("there are no subjects");
    group = new Group(place);
    groups.set(url, group);
  }
  return group;
}

await untilReachable(places, (subject) => client.publish(subject, new Uint8Array(1)));
serve(makeHandler({
  persist: (body, done, url) => groupOf(url).add(body, done),
  // Reads are of an empty stream.
  chunk: () => new Uint8Array(0),
  streamBytes: 0,
  chunkBytes: 1,
}));
