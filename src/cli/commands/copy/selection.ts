import type { ListedStream } from "../../../client/transport/list.ts";
import { CommandError } from "../../context/command_error.ts";
import { listed } from "../session/listing.ts";
import type { Session } from "../session/session.ts";
import { isMissing } from "./outcome.ts";

/** Which streams are copied. */
export interface Selection {
  /** What names begin with, or with `areNames` the names themselves; all streams where there is none. */
  readonly args: readonly string[];
  readonly areNames: boolean;
}

/**
 * The streams of the source that are selected, as they are now.
 *
 * @throws {ClientError}
 * @throws {CommandError} where the server doesn't list streams
 */
export async function* selected(
  session: Session,
  { args, areNames }: Selection,
  signal: AbortSignal,
  onMissing: (name: string) => void,
): AsyncIterableIterator<ListedStream> {
  if (areNames) {
    for (const name of new Set(args)) {
      try {
        yield { name, ...await session.client.head(name, { signal }) };
      } catch (error) {
        if (!isMissing(error)) throw error;
        onMissing(name);
      }
    }
    return;
  }
  for (const prefix of args.length === 0 ? [""] : withoutNested(args)) {
    let isEmpty = true;
    try {
      for await (const stream of listed(session, { prefix, signal })) {
        isEmpty = false;
        yield stream;
      }
      if (isEmpty && prefix !== "") onMissing(prefix);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      throw new CommandError(
        `${error.message.replace(/\.$/, "")}. Or name the streams: --names NAME…`,
        error.exitCode,
      );
    }
  }
}

/** The prefixes that don't begin with another of them: no stream comes twice. */
function withoutNested(prefixes: readonly string[]): readonly string[] {
  return [...new Set(prefixes)].filter((prefix) =>
    !prefixes.some((other) => other !== prefix && prefix.startsWith(other))
  );
}
