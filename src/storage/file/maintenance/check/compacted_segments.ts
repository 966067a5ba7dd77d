import { checkSegment } from "./segment.ts";
import { type Found, isFinding } from "./finding.ts";
import type { LoggedStreams } from "./logged_streams.ts";
import type { CheckScope } from "./scope.ts";

/** Checks the segments that compactions have made, by records of the log, and that no row names so far. */
export function* checkCompacted(
  scope: CheckScope,
  { logged, uuid }: { readonly logged: LoggedStreams; readonly uuid: string | undefined },
): Generator<Found> {
  for (const [id, { name, isDeleted, compacted }] of logged.all()) {
    if (isDeleted || compacted === undefined) continue;
    for (const segment of compacted.values()) {
      for (const found of checkSegment(scope, segment, uuid, true, undefined)) {
        yield isFinding(found) ? { ...found, stream: { id, name } } : found;
      }
    }
  }
}
