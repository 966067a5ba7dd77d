import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { token } from "../../api/request.ts";
import { requested } from "../../dialogs/requested.ts";
import { parseCondition } from "../../reading/json_path.ts";
import type { ReadPlace } from "../../reading/live_read.ts";
import { textOf } from "../../reading/message.ts";
import { rememberRecent } from "../../state/marked_streams.ts";
import { type MessageMode, replaceRoute, type StreamRoute } from "../../state/route.ts";
import { About } from "./about.tsx";
import { LookHeader } from "./look_header.tsx";
import { LookProblem } from "./look_problem.tsx";
import { LookSession, type MessageTest } from "./look_session.ts";
import { LookStatus } from "./look_status.tsx";
import { LookToolbar } from "./look_toolbar.tsx";
import { isMedia, Media } from "./media.tsx";
import { MessageDetail } from "./message_detail.tsx";
import { MessageList } from "./message_list.tsx";
import { SidePane } from "./side_pane.tsx";
import { TextFlow } from "./text_flow.tsx";
import { useMessageKeys } from "./use_message_keys.ts";

/** One stream, live. */
export function LookView({ at }: { readonly at: StreamRoute }) {
  const session = useMemo(() => new LookSession(at.name), [at.name]);
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const { filterProblem } = useSelection(session, at);
  const place = usePlace(session, at, () => setChosen(undefined));
  const choose = (number: number | undefined) => {
    setChosen(number);
    const message = number === undefined ? undefined : session.ring.at(number);
    if (message === undefined) return;
    session.pause();
    place.write(message.start);
  };
  useMessageKeys(session, chosen, choose);
  useEffect(() => {
    rememberRecent(at.name);
    document.title = `${at.name} · durable-streams`;
    return () => document.title = "durable-streams";
  }, [at.name]);
  useRefreshAfterDialogs(session);
  const mode = at.mode === undefined || (at.mode === "media" && !isMedia(session.contentType.value))
    ? defaultMode(session)
    : at.mode;
  const tab = at.tab ?? (chosen === undefined ? undefined : "message");
  const setTab = (tab: string | undefined) => {
    if (tab === undefined) setChosen(undefined);
    if (tab === "about") session.refresh().catch(() => {});
    replaceRoute(withoutTab(at, tab));
  };
  const state = session.state.value;
  const isFailed = state.kind === "failed";
  const message = chosen === undefined ? undefined : session.ring.at(chosen);
  return (
    <div class="look" data-side={tab === undefined ? "closed" : "open"}>
      <LookHeader session={session} isAboutOpen={tab === "about"} onTab={setTab} />
      {isFailed ? <LookProblem session={session} error={state.error} /> : (
        <>
          <LookToolbar
            session={session}
            at={at}
            mode={mode}
            filterProblem={filterProblem}
            onFollow={place.clear}
            onChoose={choose}
          />
          <div class="look-body">
            <Messages session={session} at={at} mode={mode} chosen={chosen} onChoose={choose} />
            {tab !== undefined && (
              <SidePane
                title={tab === "about" ? "About the stream" : "Message"}
                onClose={() => setTab(undefined)}
              >
                {tab === "about"
                  ? <About session={session} />
                  : message === undefined
                  ? <p class="soft">Choose a message.</p>
                  : <MessageDetail session={session} message={message} mode={mode} />}
              </SidePane>
            )}
          </div>
          <LookStatus session={session} />
        </>
      )}
    </div>
  );
}

function Messages({ session, at, mode, chosen, onChoose }: {
  readonly session: LookSession;
  readonly at: StreamRoute;
  readonly mode: MessageMode;
  readonly chosen: number | undefined;
  onChoose(number: number): void;
}) {
  const contentType = session.contentType.value;
  if (contentType === "") return <div class="messages" />;
  if (mode === "media") return <Media name={at.name} contentType={contentType} />;
  if (mode === "text") return <TextFlow session={session} />;
  return (
    <MessageList
      session={session}
      isHex={mode === "hex" || session.content === "bytes"}
      search={at.search ?? ""}
      chosen={chosen}
      onChoose={onChoose}
    />
  );
}

/** What was done in a dialog may have made the stream another one: closed, trimmed, with a fork. */
function useRefreshAfterDialogs(session: LookSession): void {
  const wasOpen = useRef(false);
  const isOpen = requested.value !== undefined;
  useEffect(() => {
    if (wasOpen.current && !isOpen) session.refresh().catch(() => {});
    wasOpen.current = isOpen;
  }, [session, isOpen]);
}

function defaultMode(session: LookSession): MessageMode {
  if (isMedia(session.contentType.value)) return "media";
  return session.content === "text" ? "text" : "list";
}

function withoutTab({ tab: _, ...at }: StreamRoute, tab: string | undefined): StreamRoute {
  return tab === undefined || tab === "message" ? at : { ...at, tab };
}

/** Keeps what the address filters and searches for. */
function useSelection(session: LookSession, { filter, search }: StreamRoute) {
  const filterProblem = useMemo(() => {
    try {
      const condition = filter === undefined ? undefined : parseCondition(filter);
      session.select(condition && (({ bytes }) => condition(bytes)), searchFor(search));
      return "";
    } catch (error) {
      if (error instanceof RangeError) return error.message;
      throw error;
    }
  }, [session, filter, search]);
  return { filterProblem };
}

function searchFor(text: string | undefined): MessageTest | undefined {
  if (text === undefined || text === "") return undefined;
  const wanted = text.toLowerCase();
  return ({ bytes }) => textOf(bytes).toLowerCase().includes(wanted);
}

/** Goes where the address says, but not where the view itself wrote where it is. */
function usePlace(session: LookSession, at: StreamRoute, onJump: () => void) {
  const own = useRef<string | undefined>(undefined);
  const latest = useRef(at);
  latest.current = at;
  const { offset, time } = at;
  useEffect(() => {
    void session.open(placeOf({ offset, time }));
    return () => session.close();
  }, [session]);
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    if (own.current === (offset ?? time ?? "")) return;
    own.current = undefined;
    onJump();
    session.jump(placeOf({ offset, time }));
  }, [offset, time]);
  useEffect(() => {
    // With the token before it couldn't be opened.
    const state = session.state.peek();
    const isRefused = state.kind === "failed" && state.error.status === 401;
    if (isRefused) void session.open(placeOf({ offset, time }));
  }, [token.value]);
  const write = (offset: string | undefined) => {
    own.current = offset ?? "";
    const { offset: _, time: __, ...rest } = latest.current;
    replaceRoute(offset === undefined ? rest : { ...rest, offset });
  };
  return { write, clear: () => write(undefined) };
}

function placeOf(
  { offset, time }: { readonly offset: string | undefined; readonly time: string | undefined },
): ReadPlace | undefined {
  if (offset !== undefined) return { offset };
  return time === undefined ? undefined : { time };
}
