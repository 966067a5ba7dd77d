import { signal } from "@preact/signals";

/** What was done last: said once, and gone after a while. */
export const notice = signal("");

/** Long enough to be read, and to be heard from a screen reader. */
const SHOWN_MS = 6_000;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Says what was done. */
export function notify(text: string): void {
  clearTimeout(timer);
  notice.value = text;
  timer = setTimeout(() => notice.value = "", SHOWN_MS);
}
