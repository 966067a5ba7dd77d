import type { SeededBug } from "./seeded_bug.ts";

const FOLD = "nats/streams/fold.ts";
const FOLDER = "nats/streams/folder.ts";
const IDS = "nats/cluster/ids.ts";
const LOADER = "nats/streams/stream_loader.ts";
const NEW_MESSAGE = "nats/streams/new_message.ts";
const PUBLISHER = "nats/cluster/publisher.ts";
const QUEUE = "nats/streams/stream_queue.ts";
const SNAPSHOTS = "nats/streams/snapshots.ts";

const FORWARDED = "nats/streams/stored_appends.ts";
const FORWARDING = "nats/streams/append_forwarding.ts";

const ATTEMPT = "      ? this.#jetStream.publish(first)\n";

/** What can be wrong with streams in a JetStream cluster, each as someone might write it. */
export const NATS_BUGS: readonly SeededBug[] = [
  {
    name: "messages are published without an expectation",
    edits: [{
      file: NEW_MESSAGE,
      from: "    expectedSequence: stream.sequence,\n",
      to: "    expectedSequence: undefined,\n",
    }],
    nats: true,
  },
  {
    name: "the whole log's sequence is expected instead of the subject's",
    edits: [{
      file: PUBLISHER,
      from: ATTEMPT,
      to: "      ? this.#fenced(first)\n",
    }, {
      file: PUBLISHER,
      from: "  #attempt(messages: readonly NewMessage[]): Promise<PublishOutcome> {\n",
      to: "  #logSequence = 0;\n" +
        "  async #fenced(message: NewMessage): Promise<PublishOutcome> {\n" +
        "    if (!message.subject.includes('.d.')) return await this.#jetStream.publish(message);\n" +
        "    for (;;) {\n" +
        "      const fence = { expectedSequence: undefined, expectedLogSequence: this.#logSequence };\n" +
        "      const outcome = await this.#jetStream.publish({ ...message, ...fence });\n" +
        "      if (outcome.kind === 'stored') this.#logSequence = outcome.sequence;\n" +
        "      if (outcome.kind !== 'refused') return outcome;\n" +
        "      this.#logSequence = outcome.lastSequence ?? 0;\n" +
        "    }\n" +
        "  }\n\n" +
        "  #attempt(messages: readonly NewMessage[]): Promise<PublishOutcome> {\n",
    }],
    nats: true,
  },
  {
    name: "an append is answered before its acknowledgement",
    edits: [{
      file: QUEUE,
      from: "          if (!(await this.#store(messages))) continue;\n",
      to: "          answer(group, verdicts);\n" +
        "          if (!(await this.#store(messages))) continue;\n",
    }],
    nats: true,
  },
  {
    name: "who loses a race answers all the same",
    edits: [{
      file: QUEUE,
      from: "          if (!(await this.#store(messages))) continue;\n",
      to: "          await this.#store(messages);\n",
    }],
    nats: true,
  },
  {
    name: "a message of one's own isn't known by its id",
    edits: [{ file: FOLDER, from: "      inFlight.sequence = sequence;\n", to: "" }],
    nats: true,
  },
  {
    name: "a gap between messages is skipped",
    edits: [{
      file: FOLD,
      from: "  if (message.previousSequence !== stream.sequence) {\n",
      to: "  if (message.previousSequence < 0) {\n",
    }, {
      file: FOLD,
      from: "  if (message.start !== stream.tail) {\n",
      to: "  if (message.start < 0) {\n",
    }, {
      file: FOLD,
      from: "  if (stream.isCounted && counts !== undefined && counts.before",
      to: "  if (stream.tail < 0 && counts !== undefined && counts.before",
    }],
    nats: true,
  },
  {
    name: "a gap is never asked of the leader",
    edits: [{
      file: LOADER,
      from: "          byLeader: tries >= TRIES_BY_ANY,\n",
      to: "          byLeader: false,\n",
    }],
    nats: true,
  },
  {
    name: "the tail is asked of any replica",
    edits: [{
      file: LOADER,
      from: "lastSequence: await jetStream.lastSequence(log, subject) }",
      to: "lastSequence: (await jetStream.messages({ log, subject, fromSequence: 1, " +
        "limit: 100_000, limitBytes: 1e9 })).at(-1)?.sequence ?? 0 }",
    }],
    nats: true,
  },
  {
    name: "refusals and duplicates rest on what is known",
    edits: [{
      file: QUEUE,
      from:
        "          await loader.confirm(stream);\n          if (stream.sequence !== sequence ||",
      to: "          if (stream.sequence !== sequence ||",
    }],
    nats: true,
  },
  {
    name: "what is known of a name isn't asked about",
    edits: [{
      file: "nats/nats_storage.ts",
      from: "    const found = await this.#parts.directory.find(name);\n    if (isFree(found) ||",
      to: "    const { directory } = this.#parts;\n" +
        "    const found = directory.known(name) ?? await directory.find(name);\n    if (isFree(found) ||",
    }],
    nats: true,
  },
  {
    name: "a snapshot is ahead of its log",
    edits: [{
      file: SNAPSHOTS,
      from: "    const payload = encodeSnapshot(stream.snapshot());\n",
      to: "    const state = stream.snapshot();\n" +
        "    const payload = encodeSnapshot({ ...state, sequence: state.sequence + 1 });\n",
    }],
    nats: true,
  },
  {
    name: "a notice that is lost is never missed",
    edits: [{
      file: "nats/watching.ts",
      from: "    if (this.#isChecking) return;\n",
      to: "    if (!this.#isChecking) return;\n",
    }],
    nats: true,
  },
  {
    name: "a long body's parts are published one by one",
    edits: [{
      file: PUBLISHER,
      from: "      : this.#jetStream.publishTogether(messages);\n",
      to: "      : this.#oneByOne(messages);\n",
    }, {
      file: PUBLISHER,
      from: "  #attempt(messages: readonly NewMessage[]): Promise<PublishOutcome> {\n",
      to: "  async #oneByOne(messages: readonly NewMessage[]): Promise<PublishOutcome> {\n" +
        "    let outcome: PublishOutcome = { kind: 'unknown', reason: '' };\n" +
        "    let expectedSequence = messages[0]?.expectedSequence ?? 0;\n" +
        "    for (const message of messages) {\n" +
        "      outcome = await this.#jetStream.publish({ ...message, expectedSequence });\n" +
        "      if (outcome.kind !== 'stored') return outcome;\n" +
        "      expectedSequence = outcome.sequence;\n" +
        "    }\n" +
        "    return outcome;\n" +
        "  }\n\n" +
        "  #attempt(messages: readonly NewMessage[]): Promise<PublishOutcome> {\n",
    }],
    nats: true,
  },
  {
    name: "a block of ids may be taken twice",
    edits: [{
      file: IDS,
      from: "        expectedSequence,\n      }]);",
      to: "        expectedSequence: undefined,\n      }]);",
    }],
    nats: true,
  },
  {
    name: "what another front end was sent and has stored is decided anew",
    edits: [{
      file: FORWARDED,
      from: "    if (request !== undefined) stored.set(",
      to: "    if (request === -1) stored.set(",
    }],
    nats: true,
  },
  {
    name: "what another front end has sent is decided though that one has decided it meanwhile",
    edits: [{
      file: FORWARDING,
      from:
        "      if (!this.#stream.callMarks.isRevoked(from.frontEnd, from.sinceSequence)) continue;\n",
      to: "      if (from.frontEnd > 0) continue;\n",
    }],
    nats: true,
  },
  {
    name: "what was sent to another front end is refused without a word to that one",
    edits: [{
      file: QUEUE,
      from: "        if (isMoot && !this.#forwarding.isUncertain) {\n",
      to: "        if (isMoot) {\n",
    }],
    test: "a refused append that arrives late stays refused",
    file: "tests/storage/nats/streams/forwarding_test.ts",
  },
  {
    name: "what another front end has sent is sent on",
    edits: [{
      file: FORWARDING,
      from: "(one) => one.from !== undefined || this.#back.has(one));\n",
      to: "(one) => this.#back.has(one));\n",
    }],
    nats: true,
  },
  {
    name: "what was sent to another front end and isn't answered is refused as never stored",
    edits: [{
      file: FORWARDING,
      from: "      if (!uncertain.delete(one)) continue;\n      if (uncertain.size === 0)",
      to: "      if (uncertain.size > 0) continue;\n      if (uncertain.size === 0)",
    }],
    test: "of a stream that is gone when no answer comes nobody knows what was stored",
    file: "tests/storage/nats/streams/forwarding_test.ts",
  },
  {
    name: "a snapshot is jumped to though what isn't answered may be before it",
    edits: [{
      file: FORWARDING,
      from:
        "    for (const { sinceSequence } of [...this.#sent.keys(), ...this.#lost.values()]) {\n",
      to: "    for (const { sinceSequence } of [] as SentCall[]) {\n",
    }],
    test: "a snapshot isn't jumped to behind which an answer may be missing",
    file: "tests/storage/nats/streams/forwarding_test.ts",
  },
  {
    name: "what is decided here doesn't wait for what was sent before it",
    edits: [{
      file: QUEUE,
      from:
        "      if (this.#forwarding.isCalling) await this.#forwarding.allEnded();\n      else if",
      to: "      if",
    }],
    test: "what can't be sent is decided behind what was sent before it",
    file: "tests/storage/nats/streams/forwarding_test.ts",
  },
];
