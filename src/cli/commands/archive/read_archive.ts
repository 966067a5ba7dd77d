import type { Bytes } from "../../../protocol/bytes.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT } from "../../context/exit_code.ts";
import { LineSplitter } from "../input/line_splitter.ts";
import { type ArchiveLine, decodeLine } from "./archive_line.ts";

/** A message of a server that was told to take longer ones has to fit, in base64 too. */
const MAX_LINE_BYTES = 2 * 1024 ** 3 - 1;

/** A line, and where it ends in the file. */
export interface PlacedLine {
  readonly line: ArchiveLine;
  readonly endBytes: number;
}

/**
 * The lines of an export, up to where it was cut off, if it was.
 *
 * @throws {CommandError} where a line is none of an export
 */
export async function* readArchive(
  chunks: AsyncIterable<Bytes>,
): AsyncIterableIterator<PlacedLine> {
  const splitter = new LineSplitter(MAX_LINE_BYTES);
  let endBytes = 0;
  let number = 0;
  for await (const chunk of chunks) {
    // A chunk's memory may be used again for the next.
    for (const line of splitter.push(chunk.slice())) {
      number++;
      endBytes += line.length;
      if (line.length > 1) yield { line: decodeLine(line, number), endBytes };
    }
  }
}

/** An export that ends too soon: what was whole of it was imported. */
export function cutOff(): CommandError {
  return new CommandError(
    "the export ends too soon: it was cut off. What is whole of it was imported; run `export` again, " +
      "which goes on where it ended, and then this",
    EXIT.failure,
  );
}
