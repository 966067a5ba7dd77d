import { type Bytes, concatBytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT } from "../../context/exit_code.ts";
import type { CommandContext } from "../../context/command_context.ts";
import { formatSize } from "../../flags/units.ts";

/** The most that is read for one append. A server takes less, 10 MiB by default. */
export const WHOLE_INPUT_LIMIT_BYTES = 256 * 2 ** 20;

/**
 * The text of `--data`, or all of stdin.
 *
 * @throws {CommandError} if stdin has more than one request may hold
 */
export async function readContent(
  data: string | undefined,
  context: CommandContext,
): Promise<Bytes> {
  if (data !== undefined && data !== "-") return encodeUtf8(data);
  const parts: Bytes[] = [];
  let length = 0;
  for await (const part of context.input) {
    parts.push(part);
    length += part.length;
    if (length > WHOLE_INPUT_LIMIT_BYTES) throw tooLong();
  }
  return concatBytes(parts);
}

function tooLong(): CommandError {
  return new CommandError(
    `stdin has more than ${formatSize(WHOLE_INPUT_LIMIT_BYTES)}, and one append holds it whole: ` +
      "--lines appends any amount, in batches",
    EXIT.failure,
  );
}
