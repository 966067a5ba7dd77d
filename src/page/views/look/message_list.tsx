import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { hexPreviewOf, type Message, previewOf } from "../../reading/message.ts";
import { tokenPosition } from "../../../protocol/offset.ts";
import { Highlighted } from "../../ui/highlighted.tsx";
import type { LookSession } from "./look_session.ts";

/** The height of a row in pixels, as the style sheet has it. */
export const ROW_PX = 28;
/** Rows above and below what can be seen, so that scrolling meets no gap. */
const OVERSCAN = 8;
const TEXT_PREVIEW_BYTES = 400;
const HEX_PREVIEW_BYTES = 48;
/** So near to the start, older messages are loaded. */
const EARLIER_PX = 5 * ROW_PX;

/** What a list of messages shows and tells. */
export interface MessageListProps {
  readonly session: LookSession;
  readonly isHex: boolean;
  /** What is marked in the rows. */
  readonly search: string;
  /** The number of the message that is chosen. */
  readonly chosen: number | undefined;
  onChoose(number: number): void;
}

/** What the list stays at while messages come and go: a message, and how far it is scrolled past. */
interface Anchor {
  number: number;
  restPx: number;
}

/** The loaded messages, a row each, of which only those that can be seen are elements. */
export function MessageList({ session, isHex, search, chosen, onChoose }: MessageListProps) {
  const box = useRef<HTMLDivElement>(null);
  const scroll = useScroll(session, box, chosen);
  session.frame.value;
  const { selection } = session;
  const { topPx, heightPx } = scroll.measure();
  const first = Math.max(0, Math.floor(topPx / ROW_PX) - OVERSCAN);
  const last = Math.min(selection.size, Math.ceil((topPx + heightPx) / ROW_PX) + OVERSCAN);
  const rows: Message[] = [];
  for (let row = first; row < last; row++) {
    const message = session.ring.at(selection.numberAt(row));
    if (message !== undefined) rows.push(message);
  }
  session.show(selection.numberAt(Math.max(0, last - 1)));
  const isChosenShown = rows.some(({ number }) => number === chosen);
  return (
    <div
      ref={box}
      class="messages"
      role="listbox"
      aria-label="Messages"
      tabIndex={0}
      data-messages
      onScroll={scroll.onScroll}
      {...(isChosenShown && { "aria-activedescendant": `m${chosen}` })}
    >
      <div role="presentation" style={{ height: `${selection.size * ROW_PX}px` }}>
        <div role="presentation" style={{ transform: `translateY(${first * ROW_PX}px)` }}>
          {rows.map((message, index) => (
            <Row
              key={(first + index) % (rows.length + 1)}
              message={message}
              isHex={isHex}
              search={search}
              isChosen={message.number === chosen}
              position={first + index + 1}
              onChoose={onChoose}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

interface RowProps {
  readonly message: Message;
  readonly isHex: boolean;
  readonly search: string;
  readonly isChosen: boolean;
  readonly position: number;
  onChoose(number: number): void;
}

function Row({ message, isHex, search, isChosen, position, onChoose }: RowProps) {
  const { number, bytes, start } = message;
  const text = isHex
    ? hexPreviewOf(bytes, HEX_PREVIEW_BYTES)
    : previewOf(bytes, TEXT_PREVIEW_BYTES);
  return (
    <div
      id={`m${number}`}
      class="message"
      role="option"
      aria-selected={isChosen}
      aria-posinset={position}
      onClick={() => onChoose(number)}
    >
      <span class="message-at number">{tokenPosition(start) ?? start}</span>
      <span class="message-text">
        <Highlighted text={text} part={search} />
      </span>
    </div>
  );
}

/** Where the list is scrolled to: at the end while it follows, else at its anchor. */
function useScroll(
  session: LookSession,
  box: RefObject<HTMLDivElement | null>,
  chosen: number | undefined,
) {
  const [, redraw] = useState(0);
  const [heightPx, setHeightPx] = useState(600);
  const anchor = useRef<Anchor>({ number: 0, restPx: 0 });
  const ownTopPx = useRef(-1);
  const lastChosen = useRef(chosen);
  const ring = useRef(session.ring);
  // Whoever went elsewhere sees that place, and not what has the number of what was seen before.
  if (ring.current !== session.ring) anchor.current = { number: 0, restPx: 0 };
  ring.current = session.ring;
  const topPx = () => {
    const { selection } = session;
    const endPx = Math.max(0, selection.size * ROW_PX - heightPx);
    if (session.isFollowing.value) return endPx;
    const { number, restPx } = anchor.current;
    return Math.min(endPx, selection.rowOf(number) * ROW_PX + restPx);
  };
  const keep = (top: number) => {
    const row = Math.floor(top / ROW_PX);
    anchor.current = { number: session.selection.numberAt(row), restPx: top - row * ROW_PX };
  };
  if (chosen !== undefined && chosen !== lastChosen.current) {
    const aim = aimAt(session, chosen, topPx(), heightPx);
    if (aim !== undefined) keep(aim);
  }
  lastChosen.current = chosen;
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setHeightPx(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const wanted = topPx();
    if (session.isFollowing.value) keep(wanted);
    if (Math.abs(element.scrollTop - wanted) >= 1) element.scrollTop = wanted;
    ownTopPx.current = element.scrollTop;
  });
  const onScroll = () => {
    const top = box.current?.scrollTop ?? 0;
    if (Math.abs(top - ownTopPx.current) < 1) return;
    const isUp = top < ownTopPx.current;
    ownTopPx.current = top;
    keep(top);
    const isAtEnd = top + heightPx >= session.selection.size * ROW_PX - 2;
    if (isUp) session.pause();
    else if (isAtEnd && session.isUpToDate.value) session.follow();
    if (isUp && top < EARLIER_PX) void session.loadEarlier();
    redraw((count) => count + 1);
  };
  return { measure: () => ({ topPx: topPx(), heightPx }), onScroll };
}

/** Where to scroll so that a message can be seen; undefined where it can. */
function aimAt(
  session: LookSession,
  chosen: number,
  topPx: number,
  heightPx: number,
): number | undefined {
  const atPx = session.selection.rowOf(chosen) * ROW_PX;
  if (atPx < topPx) return atPx;
  return atPx + ROW_PX > topPx + heightPx ? atPx + ROW_PX - heightPx : undefined;
}
