import { Component } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { previewOf } from "../../reading/message.ts";
import { StoredLines } from "../../ui/text.tsx";
import type { LookSession } from "./look_session.ts";

/** Messages are drawn in blocks of so many: a block that is full isn't drawn again. */
const BLOCK_MESSAGES = 64;
/** At most so many blocks are elements. */
const BLOCKS = 40;
/** Of a message at most so much: its details have the rest. */
const MESSAGE_BYTES = 16 * 1024;
/** So near to the end, the text follows it. */
const NEAR_END_PX = 40;

/** The loaded messages as one text that runs on, or a line each where they are JSON. */
export function TextFlow({ session }: { readonly session: LookSession }) {
  const box = useRef<HTMLDivElement>(null);
  const ownTopPx = useRef(0);
  session.frame.value;
  const { selection, ring } = session;
  const lastBlock = Math.floor((selection.base + selection.size - 1) / BLOCK_MESSAGES);
  const firstBlock = Math.max(Math.floor(selection.base / BLOCK_MESSAGES), lastBlock - BLOCKS + 1);
  const blocks: number[] = [];
  for (let block = firstBlock; block <= lastBlock; block++) blocks.push(block);
  session.show(ring.next);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || !session.isFollowing.value) return;
    element.scrollTop = element.scrollHeight;
    ownTopPx.current = element.scrollTop;
  });
  const onScroll = () => {
    const element = box.current;
    if (element === null) return;
    const isUp = element.scrollTop < ownTopPx.current - 1;
    ownTopPx.current = element.scrollTop;
    const leftPx = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (isUp && leftPx > NEAR_END_PX) session.pause();
    else if (!isUp && leftPx <= NEAR_END_PX && session.isUpToDate.value) session.follow();
  };
  const isCut = firstBlock * BLOCK_MESSAGES > selection.base;
  return (
    <div
      ref={box}
      class="text-flow"
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label="Text"
      data-messages
      onScroll={onScroll}
    >
      {isCut && <p class="soft">Earlier text is in the list.</p>}
      <pre>
        {blocks.map((block) => {
          const from = Math.max(0, block * BLOCK_MESSAGES - selection.base);
          const to = Math.min(selection.size, (block + 1) * BLOCK_MESSAGES - selection.base);
          return <Block key={block} session={session} from={from} count={to - from} base={selection.base} />;
        })}
      </pre>
    </div>
  );
}

interface BlockProps {
  readonly session: LookSession;
  /** The row of its first message. */
  readonly from: number;
  readonly count: number;
  readonly base: number;
}

class Block extends Component<BlockProps> {
  override shouldComponentUpdate(next: Readonly<BlockProps>): boolean {
    const { from, count, base } = this.props;
    return next.count !== count || next.from + next.base !== from + base;
  }

  override render({ session, from, count }: BlockProps) {
    const { selection, ring, content } = session;
    const texts: string[] = [];
    for (let row = from; row < from + count; row++) {
      const bytes = ring.at(selection.numberAt(row))?.bytes;
      if (bytes === undefined) continue;
      const isCut = bytes.length > MESSAGE_BYTES;
      const text = previewOf(bytes, MESSAGE_BYTES);
      const endsLine = content === "json" || isCut || bytes.at(-1) === 0x0a;
      texts.push(text + (isCut ? "…" : "") + (endsLine ? "\n" : ""));
    }
    return (
      <span>
        <StoredLines text={texts.join("")} />
      </span>
    );
  }
}
