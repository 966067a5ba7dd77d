import { formatOffset } from "../../protocol/offset.ts";
import type { ReadResult } from "../../storage/storage.ts";

/** Up to where messages may be missing, as an offset, where a chunk begins before that (an extension). */
export function compactedUpToOf(
  { start, space, compactedUpTo = 0 }: Pick<ReadResult, "start" | "space" | "compactedUpTo">,
): string | undefined {
  return start < compactedUpTo ? formatOffset(space, compactedUpTo) : undefined;
}
