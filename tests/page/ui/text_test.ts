import { deepEqual, equal } from "node:assert/strict";
import { hasHidden, StoredLines, StoredText, visibleText } from "../../../src/page/ui/text.tsx";

/** What an element shows, with its marks in brackets. */
function shown(node: unknown): string {
  if (Array.isArray(node)) return node.map(shown).join("");
  if (typeof node !== "object" || node === null) return String(node ?? "");
  const props: unknown = "props" in node ? node.props : undefined;
  if (typeof props !== "object" || props === null || !("children" in props)) return "";
  const text = shown(props.children);
  return "class" in props ? `[${text}]` : text;
}

const lineOf = (text: string) => shown(StoredText({ text }));

Deno.test("characters that can't be seen, or turn the order around, are marked", () => {
  equal(lineOf("a\u202eb\u200bc"), "a[U+202E]b[U+200B]c");
  equal(lineOf("a\u00adb \u3164 \uffa0 \u034f"), "a[U+00AD]b [U+3164] [U+FFA0] [U+034F]");
  equal(lineOf("x\u{e0061}\u{e0100}"), "x[U+E0061][U+E0100]");
  equal(lineOf("tab\tline\n"), "tab[U+0009]line[U+000A]");
  equal(shown(StoredLines({ text: "tab\tline\n\r" })), "tab\tline\n[U+000D]");
  equal(visibleText("a\u202eb\u200bc"), "aU+202EbU+200Bc");
  deepEqual(["a\u202eb", "a b"].map(hasHidden), [true, false]);
});

Deno.test("what can be seen is as it is", () => {
  for (const text of ["plain", "ä한글 😀", "<b>&amp;</b>", "\ud800 half"]) {
    equal(lineOf(text), text);
  }
});
