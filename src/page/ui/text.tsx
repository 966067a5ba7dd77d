/** Characters that would hide, or change the order of, what stands around them. */
const HIDDEN =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/;
const EACH_HIDDEN = new RegExp(`(${HIDDEN.source})`);

/** The name of a hidden character: `U+202E`. */
function codeName(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/**
 * Text that somebody stored, on a line: isolated from what stands around it, and with a mark for each
 * character that can't be seen.
 */
export function StoredText({ text }: { readonly text: string }) {
  if (!HIDDEN.test(text)) return <bdi>{text}</bdi>;
  return (
    <bdi>
      {text.split(EACH_HIDDEN).map((part, at) =>
        HIDDEN.test(part) ? <span key={at} class="hidden-char">{codeName(part)}</span> : part
      )}
    </bdi>
  );
}
