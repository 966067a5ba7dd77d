import fc from "fast-check";

/** Segments that names and patterns share, so that they meet; also an empty one and a star's look-alikes. */
const LITERALS = ["a", "b", "", "aa", "é ", "?", "[a]"];

/** Names of few segments, from few of them. */
export const names: fc.Arbitrary<string> = fc.array(fc.constantFrom(...LITERALS, "*", "**"), {
  minLength: 1,
  maxLength: 7,
}).map((segments) => segments.join("/")).filter((name) => name !== "");

/** Texts of patterns over the segments of {@link names}, with as many wildcards as others. */
export const patternTexts: fc.Arbitrary<string> = fc.array(
  fc.oneof(fc.constantFrom(...LITERALS), fc.constantFrom("*", "**")),
  { minLength: 1, maxLength: 6 },
).map((segments) => segments.join("/")).filter((text) => text !== "" && !text.startsWith("/"));

/** Whether a text matches a name, by the rules as they stand in the protocol, slowly. */
export function matchesModel(text: string, name: string): boolean {
  return matchSegments(text.split("/"), name.split("/"));
}

function matchSegments(pattern: readonly string[], name: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return name.length === 0;
  if (first === "**") {
    return name.some((_, taken) => matchSegments(rest, name.slice(taken))) ||
      matchSegments(rest, []);
  }
  if (name.length === 0 || (first !== "*" && first !== name[0])) return false;
  return matchSegments(rest, name.slice(1));
}
