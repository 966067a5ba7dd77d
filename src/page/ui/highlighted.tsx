import { StoredText } from "./text.tsx";

/** Stored text in which each place that has `part`, in any case, is marked. */
export function Highlighted({ text, part }: { readonly text: string; readonly part: string }) {
  if (part === "") return <StoredText text={text} />;
  const parts = partsOf(text, part.toLowerCase());
  return (
    <>
      {parts.map((shown, at) =>
        at % 2 === 0 ? <StoredText key={at} text={shown} /> : (
          <mark key={at}>
            <StoredText text={shown} />
          </mark>
        )
      )}
    </>
  );
}

/** What lies between, and what is found, by turns. */
function partsOf(text: string, part: string): string[] {
  const lower = text.toLowerCase();
  // A few letters get longer in lower case: then places aren't the same.
  if (lower.length !== text.length) return [text];
  const parts: string[] = [];
  let from = 0;
  for (let at = lower.indexOf(part); at >= 0; at = lower.indexOf(part, from)) {
    parts.push(text.slice(from, at), text.slice(at, at + part.length));
    from = at + part.length;
  }
  parts.push(text.slice(from));
  return parts;
}
