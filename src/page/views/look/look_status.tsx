import { tokenPosition } from "../../../protocol/offset.ts";
import { formatBytes, formatCount } from "../../ui/figures.ts";
import type { LookSession } from "./look_session.ts";

/** How the read is, and how much of the stream is loaded. */
export function LookStatus({ session }: { readonly session: LookSession }) {
  session.frame.value;
  const { ring, selection } = session;
  const oldest = ring.at(ring.first);
  const earliest = tokenPosition(session.details.value?.earliestOffset ?? "") ?? 0;
  const before = oldest === undefined ? 0 : (tokenPosition(oldest.start) ?? 0) - earliest;
  return (
    <footer class="look-status">
      <span class="read-state" data-state={session.state.value.kind}>
        <span class="dot" aria-hidden="true" />
        <span role="status">{stateText(session)}</span>
      </span>
      <span class="number">{formatCount(session.arrived.value)} arrived</span>
      {selection.condition !== undefined && (
        <span class="number">
          {formatCount(selection.size)} of {formatCount(ring.size)} match
          {selection.isDone ? "" : ", still looking"}
        </span>
      )}
      <span class="number">
        {formatCount(ring.size)} loaded, {formatBytes(ring.bytes)}
      </span>
      {ring.dropped > 0 && (
        <span class="number" title="They left this page's memory. The stream still has them.">
          {formatCount(ring.dropped)} dropped from view
        </span>
      )}
      {before > 0 && !ring.isFull && (
        <button
          type="button"
          class="quiet small"
          disabled={session.isLoadingEarlier.value}
          onClick={() => void session.loadEarlier()}
        >
          Load earlier ({formatBytes(before)} before)
        </button>
      )}
      {session.problem.value !== undefined && <span class="problem">{session.problem.value}</span>}
    </footer>
  );
}

function stateText(session: LookSession): string {
  const state = session.state.value;
  switch (state.kind) {
    case "connecting":
      return "Connecting";
    case "live":
      if (!session.isUpToDate.value) return "Reading";
      return session.isFollowing.value ? "Live" : "Live, paused here";
    case "held":
      return "Paused: reads on as you scroll";
    case "retrying":
      return `Trying again: ${state.reason}`;
    case "ended":
      return "Closed: that is all";
    case "failed":
      return state.error.message;
  }
}
