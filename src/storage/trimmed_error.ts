import { StreamError } from "../protocol/errors.ts";
import { formatOffset, type OffsetSpace, spaceAt } from "../protocol/offset.ts";
import type { Stream } from "./stream.ts";

/** The error for a position of a stream that was trimmed. */
export function trimmedError(
  what: string,
  { durableEarliest }: Pick<Stream, "durableEarliest">,
  space: OffsetSpace,
  position: number,
): StreamError {
  return new StreamError(
    { code: "offset_trimmed", space: spaceAt(space, durableEarliest), earliest: durableEarliest },
    `${what} ${formatOffset(space, position)} was trimmed: the earliest that can be read is ${
      formatOffset(space, durableEarliest)
    }.`,
  );
}
