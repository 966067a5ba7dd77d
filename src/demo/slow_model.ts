import { type Clock, systemClock } from "../env/clock.ts";
import { sleep } from "../client/transport/sleep.ts";
import type { UiMessageChunk } from "../ai/ui_chunk.ts";

/** What it says of everything. */
const WORDS =
  "I am no model, I only type slowly. Each of these words is appended to a stream and is on its way " +
  "to you from there. Reload this page now: the answer goes on, since it doesn't depend on your " +
  "request. Open the chat in a second tab: it says the same. Kill the server and start it again: " +
  "what was acknowledged is there, and the rest follows. Press Stop: the model stops, wherever it " +
  "runs, and stays so. That is all I know.";

/** Types an answer word by word, until it is aborted. */
export async function* typeSlowly(
  question: string,
  { wordMs, signal, clock = systemClock }: { wordMs: number; signal: AbortSignal; clock?: Clock },
): AsyncGenerator<UiMessageChunk, void> {
  yield { type: "text-start", id: "text" };
  const words = `You said "${question.slice(0, 200)}". ${WORDS}`.split(" ");
  for (const [index, word] of words.entries()) {
    await sleep(clock, wordMs, signal);
    yield { type: "text-delta", id: "text", delta: index === 0 ? word : ` ${word}` };
  }
  yield { type: "text-end", id: "text" };
  yield { type: "finish" };
}
