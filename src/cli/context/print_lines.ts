import { encodeUtf8 } from "../../protocol/bytes.ts";
import type { CommandContext } from "./command_context.ts";

/** Lines are written this many at a time. */
const PAGE_LINES = 500;

/**
 * Prints items, each on a line of its own, up to a limit.
 *
 * @throws {BrokenPipe}
 */
export async function printLines<T>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  format: (item: T) => string,
  context: CommandContext,
): Promise<void> {
  let lines: string[] = [];
  let count = 0;
  for await (const item of items) {
    lines.push(`${format(item)}\n`);
    if (lines.length === PAGE_LINES) {
      await context.write(encodeUtf8(lines.join("")));
      lines = [];
    }
    if (++count >= limit) break;
  }
  await context.write(encodeUtf8(lines.join("")));
}
