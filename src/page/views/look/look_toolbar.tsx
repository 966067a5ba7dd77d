import { useState } from "preact/hooks";
import { goTo, type MessageMode, replaceRoute, type StreamRoute } from "../../state/route.ts";
import { formatCount } from "../../ui/figures.ts";
import { Jump } from "./jump.tsx";
import type { LookSession } from "./look_session.ts";
import { isMedia } from "./media.tsx";

/** What the toolbar shows and tells. */
export interface LookToolbarProps {
  readonly session: LookSession;
  readonly at: StreamRoute;
  readonly mode: MessageMode;
  readonly filterProblem: string;
  /** The view is at the stream's end again. */
  onFollow(): void;
  onChoose(number: number): void;
}

const FILTER_HINT = 'Filter: user.name == "ada"';

const MODE_LABELS: Readonly<Record<MessageMode, string>> = {
  list: "List",
  text: "Text",
  hex: "Hex",
  media: "Media",
};

/** Follow and pause, where to go, how messages are shown, and which. */
export function LookToolbar(props: LookToolbarProps) {
  const { session, at, mode, filterProblem, onFollow } = props;
  const { offset: _, time: __, ...place } = at;
  const hasTools = Boolean(at.filter || at.search || filterProblem);
  const [isOpen, setOpen] = useState(hasTools);
  const isFollowing = session.isFollowing.value;
  const toggle = () => {
    if (isFollowing) return session.pause();
    session.follow();
    onFollow();
  };
  const modes: MessageMode[] = ["list", "text", "hex"];
  if (isMedia(session.contentType.value)) modes.unshift("media");
  return (
    <div
      class="toolbar"
      role="group"
      aria-label="Reading"
      data-tools={isOpen || hasTools ? "open" : "closed"}
    >
      <button type="button" class="follow" aria-pressed={isFollowing} onClick={toggle} data-follow>
        {isFollowing ? "Pause" : "Follow"}
      </button>
      <div class="segments" role="group" aria-label="Show messages as">
        {modes.map((one) => (
          <button
            key={one}
            type="button"
            aria-pressed={one === mode}
            onClick={() => replaceRoute({ ...at, mode: one })}
          >
            {MODE_LABELS[one]}
          </button>
        ))}
      </div>
      <button
        type="button"
        class="tools-toggle"
        aria-expanded={isOpen || hasTools}
        onClick={() => setOpen(!isOpen)}
      >
        Find
      </button>
      <div class="tools">
        <button type="button" onClick={() => goTo({ ...place, offset: "-1" })} data-start>
          Start
        </button>
        <Jump onJump={(to) => goTo({ ...place, ...to })} />
        {session.content === "json" && <Filter {...props} />}
        <Search {...props} />
      </div>
    </div>
  );
}

function Filter({ at, filterProblem }: LookToolbarProps) {
  const set = (filter: string) => {
    const { filter: _, ...rest } = at;
    replaceRoute(filter === "" ? rest : { ...rest, filter });
  };
  return (
    <div class="filter">
      <label class="visually-hidden" for="filter">Filter by a JSON path</label>
      <input
        id="filter"
        class="mono"
        value={at.filter ?? ""}
        placeholder={FILTER_HINT}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={filterProblem !== ""}
        aria-describedby="filter-problem"
        onInput={(event) => set(event.currentTarget.value)}
      />
      <p id="filter-problem" class="problem" role="status">{filterProblem}</p>
    </div>
  );
}

function Search({ session, at, onChoose }: LookToolbarProps) {
  session.frame.value;
  const { matches } = session;
  const set = (search: string) => {
    const { search: _, ...rest } = at;
    replaceRoute(search === "" ? rest : { ...rest, search });
  };
  const step = (by: 1 | -1) => {
    if (matches.size === 0) return;
    const from = session.searchedAt ?? session.lastShown;
    const row = matches.rowOf(by > 0 ? from + 1 : from) - (by > 0 ? 0 : 1);
    const number = matches.numberAt((row + matches.size) % matches.size);
    session.searchedAt = number;
    onChoose(number);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    step(event.shiftKey ? -1 : 1);
  };
  const isSearching = (at.search ?? "") !== "";
  return (
    <div class="search">
      <label class="visually-hidden" for="search">Search the loaded messages</label>
      <input
        id="search"
        type="search"
        value={at.search ?? ""}
        placeholder="Search loaded messages"
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => set(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        data-search
      />
      <span class="search-count number" aria-live="polite">
        {isSearching ? `${formatCount(matches.size)} found` : ""}
      </span>
      <button
        type="button"
        disabled={!isSearching}
        onClick={() => step(-1)}
        aria-label="Previous match"
        data-previous-match
      >
        <span aria-hidden="true">↑</span>
      </button>
      <button
        type="button"
        disabled={!isSearching}
        onClick={() => step(1)}
        aria-label="Next match"
        data-next-match
      >
        <span aria-hidden="true">↓</span>
      </button>
    </div>
  );
}
