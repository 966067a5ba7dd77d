/**
 * The candidate that is probably meant by an unknown word: one that `synonyms` has for it, one that is a
 * typo or two away, or one whose parts it has (`data-dir` for `dir`); `undefined` if none comes near.
 *
 * @param synonyms other names for the candidates; of several the first that is a candidate
 */
export function suggest(
  word: string,
  candidates: readonly string[],
  synonyms: Readonly<Record<string, readonly string[]>> = {},
): string | undefined {
  const named = Object.hasOwn(synonyms, word) ? synonyms[word] : undefined;
  const synonym = named?.find((name) => candidates.includes(name));
  return synonym ?? nearest(word, candidates) ?? withSameParts(word, candidates);
}

/** A typo is a letter too many, missing or wrong, or two that changed places. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestTypos = maxTypos(word) + 1;
  for (const candidate of candidates) {
    const count = typos(word, candidate);
    if (count >= bestTypos || count >= candidate.length) continue;
    best = candidate;
    bestTypos = count;
  }
  return best;
}

/** From a short word every other one is a few typos away. */
function maxTypos({ length }: string): number {
  return length <= 2 ? 0 : length <= 4 ? 1 : 2;
}

/** The optimal string alignment distance. */
function typos(a: string, b: string): number {
  const width = b.length + 1;
  const rows = Array.from({ length: (a.length + 1) * width }, () => 0);
  const at = (i: number, j: number) => rows[i * width + j] ?? 0;
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      let least = i + j;
      if (i > 0 && j > 0) {
        const isSame = a[i - 1] === b[j - 1];
        least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (isSame ? 0 : 1));
        const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
        if (isSwapped) least = Math.min(least, at(i - 2, j - 2) + 1);
      }
      rows[i * width + j] = least;
    }
  }
  return at(a.length, b.length);
}

function withSameParts(word: string, candidates: readonly string[]): string | undefined {
  const parts = word.split("-");
  return candidates.find((candidate) => {
    const others = candidate.split("-");
    return others.every((part) => parts.includes(part)) ||
      parts.every((part) => others.includes(part));
  });
}
