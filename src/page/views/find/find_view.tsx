import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { token } from "../../api/request.ts";
import { openDialog } from "../../dialogs/requested.ts";
import { changes, returns } from "../../state/feed.ts";
import { setKeyTarget } from "../../state/key_target.ts";
import { pinned, recent } from "../../state/marked_streams.ts";
import { may } from "../../state/rights.ts";
import { goTo, replaceRoute, type StreamsRoute } from "../../state/route.ts";
import { Crumbs } from "../../ui/crumbs.tsx";
import { formatCount } from "../../ui/figures.ts";
import { FindEmpty } from "./find_empty.tsx";
import { FindProblem } from "./find_problem.tsx";
import { Finder, type Findings } from "./finder.ts";
import { FolderRow, NameRow, StreamRow } from "./rows.tsx";

/** Typing is waited for so long before it is looked for. */
const TYPING_MS = 120;

/** The streams: a folder of them, or what is looked for as it is typed. */
export function FindView({ at }: { readonly at: StreamsRoute }) {
  // What another token may see is found anew.
  const finder = useMemo(() => new Finder(), [token.value]);
  const { prefix, query = "" } = at;
  const last = useRef("");
  useEffect(() => {
    const isTyping = query !== last.current;
    last.current = query;
    const timer = setTimeout(() => void finder.find(prefix, query), isTyping ? TYPING_MS : 0);
    return () => clearTimeout(timer);
  }, [finder, prefix, query, changes.value, returns.value]);
  useEffect(() => () => finder.close(), [finder]);
  useRowKeys();
  const found = finder.found.value;
  const problem = finder.problem.value;
  const isTop = prefix === "" && query === "";
  const isEmpty = found?.streams.length === 0 && found.folders.length === 0;
  return (
    <div class="page find">
      <div class="find-head">
        <Crumbs name={prefix} />
        {may("create") && (
          <button
            type="button"
            class="primary"
            onClick={() => openDialog({ kind: "create", prefix })}
          >
            New stream
          </button>
        )}
      </div>
      <SearchField at={at} finder={finder} />
      {problem !== undefined && <FindProblem problem={problem} />}
      {isTop && problem === undefined && !isEmpty && <Marked />}
      {found !== undefined && problem === undefined && (
        isEmpty && found.next === undefined
          ? <FindEmpty prefix={prefix} query={found.query} />
          : <Results finder={finder} found={found} query={query} prefix={prefix} />
      )}
      {found === undefined && problem === undefined && <div class="rows rows-waiting" />}
    </div>
  );
}

function SearchField({ at, finder }: { readonly at: StreamsRoute; readonly finder: Finder }) {
  const { prefix, query = "" } = at;
  const found = finder.found.value;
  // Enter may come before what it is to open was found.
  const [wanted, want] = useState<string>();
  useEffect(() => {
    if (wanted === undefined || wanted !== query || found?.query !== query) return;
    const name = bestOf(found, prefix);
    if (!found.isWhole && name !== prefix + query) return;
    want(undefined);
    if (name !== undefined) goTo({ view: "stream", name });
  }, [wanted, query, found, prefix]);
  const set = (text: string) =>
    replaceRoute({ view: "streams", prefix, ...(text !== "" && { query: text }) });
  const where = prefix === "" ? "Find streams" : `Find in ${prefix}`;
  return (
    <div class="find-field" role="search">
      <label class="visually-hidden" for="find">{where}</label>
      <input
        id="find"
        type="search"
        value={query}
        placeholder={where}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        onInput={(event) => set(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && query !== "") want(query);
        }}
        data-search
      />
      <p class="visually-hidden" aria-live="polite">
        {query !== "" && found?.query === query && found.isWhole ? countText(found) : ""}
      </p>
    </div>
  );
}

/** The stream of that very name, whole or its last part, else the first one found. */
function bestOf({ streams, query }: Findings, prefix: string): string | undefined {
  const names = streams.map(({ name }) => name);
  return names.find((name) => name === prefix + query) ??
    names.find((name) => name.endsWith(`/${query}`)) ?? names[0];
}

function countText({ streams, next }: Findings): string {
  return `${formatCount(streams.length)}${next === undefined ? "" : " or more"} streams found`;
}

/** The pinned streams and those that were looked at. */
function Marked() {
  const recentOnes = recent.value.filter((name) => !pinned.value.includes(name)).slice(0, 6);
  return (
    <>
      <NameList title="Pinned" names={pinned.value} />
      <NameList title="Recent" names={recentOnes} />
    </>
  );
}

function NameList({ title, names }: { readonly title: string; readonly names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <section class="marked" aria-label={title}>
      <h2>{title}</h2>
      <ul class="chips">
        {names.map((name) => <NameRow key={name} name={name} />)}
      </ul>
    </section>
  );
}

function Results({ finder, found, query, prefix }: {
  readonly finder: Finder;
  readonly found: Findings;
  readonly query: string;
  readonly prefix: string;
}) {
  const marked = query === "" ? [] : markedMatches(query, found);
  return (
    <section aria-label="Streams" aria-busy={finder.isBusy.value}>
      {marked.length > 0 && <NameList title="Pinned and recent" names={marked} />}
      <div class="rows-head" aria-hidden="true">
        <span>Name</span>
        <span>Type</span>
        <span class="right">Size</span>
        <span class="right">Last append</span>
        <span class="right">Readers</span>
        <span>State</span>
      </div>
      <ul class="rows">
        {found.folders.map((folder) => (
          <FolderRow key={folder.name} folder={folder} prefix={prefix} />
        ))}
        {found.streams.map((stream) => (
          <StreamRow key={stream.name} stream={stream} prefix={prefix} query={query} />
        ))}
      </ul>
      <div class="rows-foot">
        {query !== "" && (
          <span class="soft">
            {found.query === query && found.isWhole
              ? `${countText(found)} among the ${formatCount(found.scanned)} names looked at.`
              : "Looking…"}
          </span>
        )}
        {found.next !== undefined && found.query === query && (
          <button
            type="button"
            disabled={finder.isBusy.value}
            onClick={() => void finder.more()}
          >
            {query === "" ? "Show more" : "Look further"}
          </button>
        )}
        <span class="problem" role="alert">{finder.moreProblem.value?.message}</span>
      </div>
    </section>
  );
}

function markedMatches(query: string, { streams }: Findings): readonly string[] {
  const listed = new Set(streams.map(({ name }) => name));
  const part = query.toLowerCase();
  return [...new Set([...pinned.value, ...recent.value])]
    .filter((name) => name.toLowerCase().includes(part) && !listed.has(name));
}

/** Keys move the focus from row to row. */
function useRowKeys(): void {
  useEffect(() => {
    const rows = () => [...document.querySelectorAll<HTMLElement>("[data-row]")];
    const move = (by: number) => {
      const all = rows();
      const at = all.findIndex((row) => row === document.activeElement);
      const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by;
      all[Math.max(0, Math.min(all.length - 1, next))]?.focus();
    };
    return setKeyTarget({ move, open: () => false, escape: () => false });
  }, []);
}
