import { ApiError, call, messageOf } from "../../api/request.ts";
import { streamUrl } from "../../api/config.ts";
import { notify } from "../../state/notice.ts";

const WORD_MS = 80;
const TTL_SECONDS = 3_600;
/** Words that can't be sent are tried again so often. */
const TRIES = 20;
const TYPE = "text/plain; charset=utf-8";

const TEXT =
  `You are watching a durable stream. Each of these words is appended by its own request, \
eighty milliseconds apart, the way a language model hands out its tokens. Close this tab, and open \
the page again: the words are all still there, and you continue where the stream is. Open it on \
your phone beside this: both show the same, in the same order, each word once. If the connection \
breaks, a reader asks again from its last offset, and nothing is missing and nothing comes twice. \
If the server is killed and starts again, what it had acknowledged is on its disk. That is all there \
is to it: a log with a URL, that you append to and read over plain HTTP. When the last word has come, \
the stream is closed, and every reader knows that this was the end.
`;

/**
 * Creates a stream and appends words to it from this page, one after the other; then closes it.
 *
 * @returns the stream's name, as soon as it is there
 * @throws {ApiError} where it can't be created
 */
export async function startDemo(): Promise<string> {
  const name = `demo/tokens-${Date.now().toString(36)}`;
  await call(streamUrl(name), {
    method: "PUT",
    headers: { "content-type": TYPE, "stream-ttl": String(TTL_SECONDS) },
  });
  void appendWords(name).catch((error) => notify(`The demo has ended: ${messageOf(error)}`));
  return name;
}

async function appendWords(name: string): Promise<void> {
  for (const [index, word] of (TEXT.match(/\S+\s*/g) ?? []).entries()) {
    await append(name, { body: word, headers: { "stream-seq": String(index).padStart(4, "0") } });
    await new Promise((resolve) => setTimeout(resolve, WORD_MS));
  }
  await append(name, { headers: { "stream-closed": "true" } });
}

/** Sends until the server has it; `Stream-Seq` keeps a word that it got twice from being there twice. */
async function append(
  name: string,
  { body, headers }: { readonly body?: string; readonly headers: Record<string, string> },
): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      await call(streamUrl(name), {
        method: "POST",
        headers: { "content-type": TYPE, ...headers },
        ...(body !== undefined && { body }),
      });
      return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (tries > 1 && error.code === "sequence_regression") return;
      if ((error.status !== 0 && error.status < 500) || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}
