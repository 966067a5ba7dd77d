import { openDialog } from "../../dialogs/requested.ts";
import { isPinned, togglePin } from "../../state/marked_streams.ts";
import { hello } from "../../state/feed.ts";
import { may } from "../../state/rights.ts";
import { Crumbs } from "../../ui/crumbs.tsx";
import { formatBytes, formatDuration } from "../../ui/figures.ts";
import { StoredText } from "../../ui/text.tsx";
import { Countdown, isInUse, sizeOf } from "./about.tsx";
import type { LookSession } from "./look_session.ts";

/** The stream's name, what it is in short, and what can be done with it. */
export function LookHeader({ session, isAboutOpen, onTab }: {
  readonly session: LookSession;
  readonly isAboutOpen: boolean;
  onTab(tab: string | undefined): void;
}) {
  const { name } = session;
  return (
    <div class="look-head">
      <div class="look-title">
        <Crumbs name={name} />
        <Tags session={session} />
      </div>
      <div class="actions" role="group" aria-label="What to do with the stream">
        <button
          type="button"
          class="quiet"
          aria-pressed={isPinned(name)}
          onClick={() => togglePin(name)}
        >
          {isPinned(name) ? "Pinned" : "Pin"}
        </button>
        <button
          type="button"
          aria-pressed={isAboutOpen}
          onClick={() => onTab(isAboutOpen ? undefined : "about")}
        >
          About
        </button>
        <StreamActions session={session} />
      </div>
    </div>
  );
}

function StreamActions({ session }: { readonly session: LookSession }) {
  const { name } = session;
  const details = session.details.value;
  if (details === undefined) return null;
  const { contentType } = details;
  const isOpen = !session.isClosed;
  return (
    <>
      {isOpen && may("append", name) && (
        <button
          type="button"
          class="primary"
          onClick={() => openDialog({ kind: "append", stream: { name, contentType } })}
        >
          Append
        </button>
      )}
      {may("create") && (
        <button
          type="button"
          onClick={() => openDialog({ kind: "fork", name, offset: session.tail })}
        >
          Fork
        </button>
      )}
      {isOpen && may("close", name) && (
        <button
          type="button"
          onClick={() => openDialog({ kind: "close", name })}
        >
          Close
        </button>
      )}
      {hello.value?.links === true && may("read", name) && (
        <button
          type="button"
          onClick={() => openDialog({ kind: "link", name })}
        >
          Link
        </button>
      )}
      {may("delete", name) && (
        <button
          type="button"
          class="delete"
          onClick={() => openDialog({ kind: "delete", name })}
        >
          Delete
        </button>
      )}
    </>
  );
}

function Tags({ session }: { readonly session: LookSession }) {
  const details = session.details.value;
  if (details === undefined) return <p class="tags" />;
  const { lifetime } = details;
  const size = sizeOf(session);
  return (
    <p class="tags">
      <span class="tag">
        <StoredText text={details.contentType} />
      </span>
      <span class="tag number">{formatBytes(size)}</span>
      <span class="tag">{session.isClosed ? "Closed" : "Open"}</span>
      {lifetime?.ttlSeconds !== undefined && (
        <span class="tag">TTL {formatDuration(lifetime.ttlSeconds * 1000)}</span>
      )}
      {details.expiresAt && !isInUse(session) && (
        <span class="tag number">
          Expires in&nbsp;<Countdown expiresAt={details.expiresAt} />
        </span>
      )}
      {details.forkedFrom && <span class="tag">Fork</span>}
    </p>
  );
}
