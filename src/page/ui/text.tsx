/** Characters that would hide, or change the order of, what stands around them. */
const HIDDEN =
  "\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5" +
  "\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb" +
  "\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}";
const IN_TEXT = new RegExp(`([${HIDDEN}])`, "u");
/** On one line, tabs and line breaks are such, too. */
const IN_LINE = new RegExp(`([${HIDDEN}\\t\\n])`, "u");

/** The name of a hidden character: `U+202E`. */
function codeName(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/**
 * Text that somebody stored, on a line: isolated from what stands around it, and with a mark for each
 * character that can't be seen.
 */
export function StoredText({ text }: { readonly text: string }) {
  return <bdi>{marked(text, IN_LINE)}</bdi>;
}

/** As {@link StoredText}, with its line breaks and tabs as they are. */
export function StoredLines({ text }: { readonly text: string }) {
  return <bdi>{marked(text, IN_TEXT)}</bdi>;
}

/** Whether a name, or another text on a line, has characters that can't be seen. */
export function hasHidden(text: string): boolean {
  return IN_LINE.test(text);
}

/** The text as {@link StoredText} shows it: such characters by their names. */
export function visibleText(text: string): string {
  return text.split(IN_LINE).map((part, at) => at % 2 === 1 ? codeName(part) : part).join("");
}

function marked(text: string, hidden: RegExp) {
  if (!hidden.test(text)) return text;
  // What is found stands between what isn't.
  return text.split(hidden).map((part, at) =>
    at % 2 === 1 ? <span key={at} class="hidden-char">{codeName(part)}</span> : part
  );
}
