import { NATS_BUGS } from "../../crash/seeded/nats_bugs.ts";
import type { SeededBug } from "../../crash/seeded/seeded_bug.ts";

/** A bug, and the test on real servers that finds it. */
export interface RealBug extends SeededBug {
  /** Of the file's tests that whose name has this. */
  readonly test: string;
  readonly file: string;
  /** What the failure says. */
  readonly message: RegExp;
  /** Found each time, within seconds: by CI, too. */
  readonly isQuick?: true;
}

const FAULTS = "tests/nats/faults_test.ts";
const CONNECTION = "nats/connection/publisher.ts";
const DAMAGED = /"code":"damaged"/;

/** What can be wrong with streams in a JetStream cluster, each with the fault that shows it. */
export const REAL_BUGS: readonly RealBug[] = [
  {
    ...bug("messages are published without an expectation"),
    edits: [{
      file: "nats/streams/new_message.ts",
      from: "    expectedSequence: stream.sequence,\n",
      // As the connection says that nothing is expected.
      to: "    expectedSequence: -1,\n",
    }],
    test: "a front end is killed",
    file: FAULTS,
    message: DAMAGED,
  },
  {
    ...bug("the whole log's sequence is expected instead of the subject's", {
      file: CONNECTION,
      from: "  if (expectedSequence !== ANYTHING) {\n",
      to: "  const fence = Reflect.get(message, 'expectedLogSequence');\n" +
        "  if (fence !== undefined) text += `Nats-Expected-Last-Sequence: ${fence}\\r\\n`;\n" +
        "  else if (expectedSequence !== ANYTHING) {\n",
    }),
    test: "a front end is killed",
    file: FAULTS,
    message: DAMAGED,
  },
  {
    ...bug("an append is answered before its acknowledgement"),
    test: "without two of three",
    file: FAULTS,
    message: /is answered 409/,
    isQuick: true,
  },
  {
    ...bug("a message of one's own isn't known by its id"),
    test: "connections break before",
    file: FAULTS,
    message: /once, in order/,
  },
  {
    ...bug("a snapshot is ahead of its log"),
    test: "a front end is killed",
    file: FAULTS,
    message: DAMAGED,
  },
  {
    ...bug("the tail is asked of any replica"),
    test: "is read at once",
    file: FAULTS,
    message: /stream-next-offset/,
    isQuick: true,
  },
  {
    ...bug("a gap between messages is skipped"),
    test: "removed messages",
    file: "tests/nats/damage_test.ts",
    message: /204 == 500/,
  },
];

/** That of the histories' bugs, with what the real connection needs besides. */
function bug(name: string, ...edits: SeededBug["edits"]): SeededBug {
  const found = NATS_BUGS.find((bug) => bug.name === name);
  if (found === undefined) throw new Error(`There is no bug ${JSON.stringify(name)}.`);
  return { ...found, edits: [...found.edits, ...edits] };
}
