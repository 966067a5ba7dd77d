import type { FileWindow } from "../directory/file_window.ts";

const LINE_FEED = 0x0a;

/** How many messages of a JSON stream end from `position` on and before `end` of its segment. */
export function countMessages(log: FileWindow, position: number, end: number): number {
  let count = 0;
  for (const bytes of log.chunks(position, end)) {
    let at = bytes.indexOf(LINE_FEED);
    for (; at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  }
  return count;
}
