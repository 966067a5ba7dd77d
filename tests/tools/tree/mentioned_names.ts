import type { Sources } from "./imports.ts";
import { syntaxOf } from "./syntax.ts";
import { locationOf, perFile, type Violations } from "./violations.ts";

/** A name of the code between backticks, with a capital in it: `TailBuffer`, `RangeReader.body`. */
const NAME = /`((?=\w*[A-Z])[A-Za-z]\w*[a-z]\w*(?:\.\w+)?)(?:\(\))?`/g;

/** Each name of the code that a document mentions is a name in one of the sources. */
export function checkMentionedNames(documents: Sources, sources: Sources): Violations {
  const known = new Set(
    [...sources.values()].flatMap((source) => syntaxOf(source).identifiers.map(({ name }) => name)),
  );
  return perFile(
    documents,
    (document, text) =>
      [...text.matchAll(NAME)].filter(([, name = ""]) =>
        !name.split(".").every((part) => known.has(part))
      )
        .map((match) =>
          `${locationOf(document, text, match.index)}: names ${match[1]}, which no source has`
        ),
  );
}
