import type { ApiError } from "../../api/request.ts";
import { formatRoute } from "../../state/route.ts";
import { Empty } from "../../ui/empty.tsx";
import { StoredText } from "../../ui/text.tsx";
import type { LookSession } from "./look_session.ts";

const TITLES: Readonly<Record<number, string>> = {
  401: "The server doesn't take the token",
  403: "This token may not read the stream",
  404: "There is no stream of this name",
  410: "This place is gone",
};

/** What stands where a stream can't be read, and what to do about it. */
export function LookProblem(
  { session, error }: { readonly session: LookSession; readonly error: ApiError },
) {
  const isGone = error.status === 410;
  const isTrimmed = error.code === "offset_trimmed";
  return (
    <div class="page">
      <Empty
        title={isTrimmed
          ? "This place was trimmed"
          : TITLES[error.status] ?? "The stream can't be read"}
      >
        <p>
          <StoredText text={error.message} />
        </p>
        {isGone && (
          <p>
            {isTrimmed
              ? "What comes behind it is there still, with the offsets that it had."
              : "The stream was deleted, and perhaps made again: an offset of the old one has no meaning."}
          </p>
        )}
        <div class="actions">
          <button
            type="button"
            class="primary"
            onClick={() => void session.open(isGone ? { offset: "-1" } : undefined)}
          >
            {isGone ? "Read from the start" : "Try again"}
          </button>
          <a class="button" href={formatRoute({ view: "streams", prefix: "" })}>All streams</a>
        </div>
      </Empty>
    </div>
  );
}
