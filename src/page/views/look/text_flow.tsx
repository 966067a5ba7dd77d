import { Component, type RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { StoredLines } from "../../ui/text.tsx";
import type { LookSession } from "./look_session.ts";
import { type TextBlock, TextBlocks } from "./text_blocks.ts";

/** So far above and below what can be seen, blocks are elements: one scrolls, and selects, into them. */
const OVERSCAN_PX = 2_000;
/** So near to the end, the text follows it. */
const NEAR_END_PX = 40;
/** So near to the start, older messages are loaded. */
const EARLIER_PX = 140;

/** The loaded messages as one text that runs on, or a line each where they are JSON. */
export function TextFlow({ session }: { readonly session: LookSession }) {
  const box = useRef<HTMLDivElement>(null);
  const blocks = useMemo(() => new TextBlocks(), [session]);
  session.frame.value;
  blocks.update(session);
  const scroll = useTextScroll(session, blocks, box);
  const { first, last, lastSeen, abovePx, belowPx } = scroll.window();
  session.show(lastSeen ?? session.ring.next - 1);
  return (
    <div
      ref={box}
      class="text-flow"
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label="Text"
      data-messages
      onScroll={scroll.onScroll}
    >
      <div role="presentation" style={{ height: `${abovePx}px` }} />
      {blocks.all.slice(first, last).map((block) => (
        <Block key={block.id} blocks={blocks} block={block} from={block.from} to={block.to} />
      ))}
      <div role="presentation" style={{ height: `${belowPx}px` }} />
    </div>
  );
}

interface BlockProps {
  readonly blocks: TextBlocks;
  readonly block: TextBlock;
  readonly from: number;
  readonly to: number;
}

/** A block, drawn again only where its messages are others. */
class Block extends Component<BlockProps> {
  override shouldComponentUpdate({ from, to }: Readonly<BlockProps>): boolean {
    return from !== this.props.from || to !== this.props.to;
  }

  override render({ blocks, block }: BlockProps) {
    return (
      <div class="text-block" data-block={block.id}>
        <StoredLines text={blocks.textOf(block)} />
      </div>
    );
  }
}

/** What the text stays at while messages come and go: a block, and how far it is scrolled past. */
interface Anchor {
  readonly from: number;
  readonly to: number;
  readonly heightPx: number;
  readonly restPx: number;
}

const START: Anchor = { from: -Infinity, to: 0, heightPx: 0, restPx: 0 };

/** The blocks around what can be seen, and how much space the others take. */
interface DrawnWindow {
  readonly first: number;
  readonly last: number;
  /** The number of about the last message that can be seen. */
  readonly lastSeen: number | undefined;
  readonly abovePx: number;
  readonly belowPx: number;
}

/** Where the text is scrolled to: at its end while it follows, else at its anchor. */
function useTextScroll(
  session: LookSession,
  blocks: TextBlocks,
  box: RefObject<HTMLDivElement | null>,
) {
  const [, redraw] = useState(0);
  const heightPx = useSize(box, () => blocks.forgetHeights());
  const anchor = useRef(START);
  const ring = useRef(session.ring);
  const ownTopPx = useRef(0);
  if (ring.current !== session.ring) anchor.current = START;
  ring.current = session.ring;
  const window = () => windowAt(session, blocks, anchor.current, heightPx);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const isOther = measure(element, blocks);
    const wanted = session.isFollowing.value
      ? element.scrollHeight - element.clientHeight
      : topOf(element, blocks, anchor.current) ?? element.scrollTop;
    if (Math.abs(element.scrollTop - wanted) >= 1) element.scrollTop = wanted;
    ownTopPx.current = element.scrollTop;
    if (session.isFollowing.value) anchor.current = anchorAt(element, blocks);
    // Of what was taken to be higher than it is there may be too little to fill the view.
    if (isOther) redraw((count) => count + 1);
  });
  const onScroll = () => {
    const element = box.current;
    if (element === null || Math.abs(element.scrollTop - ownTopPx.current) < 1) return;
    const top = element.scrollTop;
    const isUp = top < ownTopPx.current;
    ownTopPx.current = top;
    anchor.current = anchorAt(element, blocks);
    const leftPx = element.scrollHeight - top - element.clientHeight;
    if (isUp && leftPx > NEAR_END_PX) session.pause();
    else if (!isUp && leftPx <= NEAR_END_PX && session.isUpToDate.value) session.follow();
    if (isUp && top < EARLIER_PX) void session.loadEarlier();
    redraw((count) => count + 1);
  };
  return { window, onScroll };
}

/** The height of the box in pixels. @param onWidth called where the text is broken into lines anew */
function useSize(box: RefObject<HTMLDivElement | null>, onWidth: () => void): number {
  const [heightPx, setHeightPx] = useState(600);
  const [, setWidthPx] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    let widthPx = element.clientWidth;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth !== widthPx) onWidth();
      widthPx = element.clientWidth;
      setHeightPx(element.clientHeight);
      setWidthPx(widthPx);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return heightPx;
}

function windowAt(
  session: LookSession,
  blocks: TextBlocks,
  { from, restPx }: Anchor,
  heightPx: number,
): DrawnWindow {
  const heights = blocks.heights();
  const sum = (first: number, last: number) =>
    heights.slice(first, last).reduce((px, one) => px + one, 0);
  const at = blocks.indexOf(from);
  const topPx = session.isFollowing.value ? sum(0, heights.length) - heightPx : sum(0, at) + restPx;
  let first = 0;
  let px = 0;
  let abovePx = 0;
  let last = heights.length;
  let lastSeen: number | undefined;
  for (const [index, height] of heights.entries()) {
    const block = blocks.all[index];
    if (block !== undefined && px < topPx + heightPx) {
      const part = Math.min(1, (topPx + heightPx - px) / Math.max(1, height));
      lastSeen = Math.max(block.from, block.from + Math.floor((block.to - block.from) * part) - 1);
    }
    px += height;
    if (px < topPx - OVERSCAN_PX) {
      first = index + 1;
      abovePx = px;
    }
    if (px > topPx + heightPx + OVERSCAN_PX && last === heights.length) last = index + 1;
  }
  return { first, last, lastSeen, abovePx, belowPx: sum(last, heights.length) };
}

/** Takes down how high the blocks are that are drawn; says whether one is another height than was thought. */
function measure(element: HTMLDivElement, blocks: TextBlocks): boolean {
  let isOther = false;
  for (const [block, drawn] of drawnBlocks(element, blocks)) {
    if (block.heightPx !== drawn.offsetHeight) isOther = true;
    block.heightPx = drawn.offsetHeight;
  }
  return isOther;
}

/** The block at the top of what can be seen. */
function anchorAt(element: HTMLDivElement, blocks: TextBlocks): Anchor {
  const top = element.scrollTop;
  for (const [{ from, to }, { offsetTop, offsetHeight }] of drawnBlocks(element, blocks)) {
    if (offsetTop > top || offsetTop + offsetHeight <= top) continue;
    return { from, to, heightPx: offsetHeight, restPx: top - offsetTop };
  }
  // It was scrolled to where nothing is drawn yet.
  const heights = blocks.heights();
  let px = 0;
  for (const [index, { from, to }] of blocks.all.entries()) {
    const heightPx = heights[index] ?? 0;
    if (px + heightPx > top) return { from, to, heightPx, restPx: Math.max(0, top - px) };
    px += heightPx;
  }
  return START;
}

/** Where the anchor is now; undefined where it isn't drawn. */
function topOf(element: HTMLDivElement, blocks: TextBlocks, anchor: Anchor): number | undefined {
  if (anchor === START) return 0;
  const wanted = blocks.all[blocks.indexOf(anchor.from)];
  for (const [block, { offsetTop, offsetHeight }] of drawnBlocks(element, blocks)) {
    if (block !== wanted) continue;
    // Where lines have come or gone at its top, what is below them stays.
    const isFrontOther = block.from !== anchor.from && block.to === anchor.to;
    const changedPx = isFrontOther ? offsetHeight - anchor.heightPx : 0;
    return Math.max(0, offsetTop + anchor.restPx + changedPx);
  }
  return undefined;
}

function drawnBlocks(
  element: HTMLDivElement,
  blocks: TextBlocks,
): (readonly [TextBlock, HTMLElement])[] {
  const known = new Map(blocks.all.map((block) => [String(block.id), block]));
  const found: (readonly [TextBlock, HTMLElement])[] = [];
  for (const child of element.children) {
    if (!(child instanceof HTMLElement)) continue;
    const block = known.get(child.dataset["block"] ?? "");
    if (block !== undefined) found.push([block, child]);
  }
  return found;
}
