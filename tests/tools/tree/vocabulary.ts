import type { Sources } from "./imports.ts";
import { syntaxOf } from "./syntax.ts";
import type { Violations } from "./violations.ts";

/** Words that names no longer have, since this field has others for what they meant. */
interface OldWords {
  /** Each as words of a name: `let through` is found in `mayLetThrough` and `let_through.ts`. */
  readonly words: readonly string[];
  readonly instead: string;
  /** The folders in which the words meant that; elsewhere they may mean something else. */
  readonly within: readonly string[];
  /** Names that have the word and are right, with the reason beside them in the table. */
  readonly except?: readonly string[];
}

const PROGRAM = ["src", "main.ts"];
const ALL = [...PROGRAM, "tests", "bench", "tools"];
const WAL = "src/storage/file/wal";
const STREAMS = "src/storage/file/streams";
const HTTP = ["src/http", "src/listen", "src/server"];

/** The table: the words, what to say instead, and where. */
export const OLD_WORDS: readonly OldWords[] = [
  { words: ["presence"], instead: "lifecycle", within: ALL },
  { words: ["glimpse", "likeness"], instead: "summary", within: ALL },
  { words: ["doomed"], instead: "obsolete", within: ALL },
  { words: ["unplaced", "without place"], instead: "unallocated", within: ALL },
  { words: ["is leaving"], instead: "mustRoll", within: ALL },
  { words: ["let through"], instead: "yield", within: ALL },
  { words: ["give way"], instead: "lower priority", within: ALL },
  { words: ["hurry"], instead: "urgent", within: ALL },
  { words: ["gave up"], instead: "deadline exceeded", within: ALL },
  { words: ["patience"], instead: "retry budget, busy time-out", within: ALL },
  { words: ["parcel"], instead: "batch", within: ALL },
  { words: ["mangled"], instead: "malformed", within: ALL },
  { words: ["mend", "mends"], instead: "repair action", within: ALL },
  { words: ["keeper", "keepers"], instead: "quarantine, owner", within: ALL },
  { words: ["surplus"], instead: "orphan", within: ALL },
  { words: ["losses"], instead: "data loss", within: ALL },
  { words: ["thing", "things"], instead: "item, or what it is", within: ALL },
  { words: ["complain", "complaint", "complaints"], instead: "message, print error", within: ALL },
  { words: ["first contact"], instead: "unreachable", within: ALL },
  { words: ["planted"], instead: "seeded", within: ALL },
  { words: ["flips"], instead: "corruption", within: ALL },
  { words: ["hunger"], instead: "pull", within: ALL },
  { words: ["departure"], instead: "abort signal", within: ALL },
  { words: ["refusal", "refusals"], instead: "error response, rejection", within: HTTP },
  { words: ["answer defect"], instead: "internal error", within: ALL },
  { words: ["fate", "fates"], instead: "delivery outcome", within: ALL },
  { words: ["unanswered"], instead: "outcome unknown", within: ALL },
  { words: ["own text"], instead: "copy of a string", within: ALL },
  { words: ["next turn"], instead: "yield to the event loop", within: ALL },
  { words: ["look after", "attend"], instead: "check time-outs, schedule", within: ALL },
  { words: ["news"], instead: "wait group, event", within: ALL },
  { words: ["is plain"], instead: "isStreamUrl", within: HTTP },
  { words: ["refuse"], instead: "error response", within: HTTP },
  { words: ["serving"], instead: "server context", within: HTTP },
  {
    words: ["hang up", "leave", "gone"],
    instead: "close, destroy, disconnect",
    within: HTTP,
    // Codes of errors, which clients read.
    except: ["gone", "offset_gone"],
  },
  { words: ["sweep"], instead: "tick", within: HTTP },
  { words: ["answer", "answers"], instead: "response", within: HTTP },
  { words: ["piece", "pieces"], instead: "chunk, window, prefetched range", within: PROGRAM },
  { words: ["pace"], instead: "throttle", within: ["src/storage"] },
  { words: ["settle"], instead: "markStored", within: ["src/storage"] },
  { words: ["round", "rounds"], instead: "checkpoint epoch", within: [STREAMS] },
  { words: ["spare", "filling"], instead: "recycled, preallocating", within: [WAL] },
  {
    words: ["post", "pack", "door"],
    instead: "batch, driver",
    within: ["src/storage/file/catalog"],
    // A port's own.
    except: ["postMessage"],
  },
  {
    words: ["told", "tell"],
    instead: "server error, notify",
    within: ["src/client", "src/storage"],
  },
  {
    words: ["answer", "answers"],
    instead: "response, result",
    within: ["src/client"],
    // What programs import.
    except: ["AppendAnswer"],
  },
  {
    words: ["verb", "verbs"],
    instead: "command",
    within: ["src/cli"],
    // Those of grants.
    except: ["Verb", "VERBS", "isVerb", "verbs"],
  },
  { words: ["shell"], instead: "context", within: ["src/cli"] },
];

/** No name of a file or in a file has a word that another one has taken the place of. */
export function checkVocabulary(sources: Sources): Violations {
  return [...sources].flatMap(([path, source]) => {
    const old = OLD_WORDS.filter(({ within }) =>
      within.some((room) => path === room || path.startsWith(`${room}/`))
    );
    const names = new Set(syntaxOf(source).identifiers.map(({ name }) => name));
    return [
      ...path.split("/").flatMap((name) => oldIn(old, name).map((why) => `${path}: ${why}`)),
      ...[...names].flatMap((name) =>
        oldIn(old, name).map((why) => `${path}: the name ${name} ${why}`)
      ),
    ];
  });
}

function oldIn(old: readonly OldWords[], name: string): readonly string[] {
  const spaced = ` ${wordsOf(name).join(" ")} `;
  return old.filter(({ except }) => except?.includes(name) !== true).flatMap(({ words, instead }) =>
    words.filter((word) => spaced.includes(` ${word} `))
      .map((word) => `has the old word "${word}": ${instead}`)
  );
}

/** `isMustRoll`, `MUST_ROLL` and `must_roll.ts` in words. */
function wordsOf(name: string): readonly string[] {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .toLowerCase().split(/[^a-z0-9]+/);
}
