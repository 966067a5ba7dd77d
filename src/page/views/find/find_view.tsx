import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { messageOf } from "../../api/request.ts";
import { listStreams, type StreamPage } from "../../api/streams.ts";
import { changes } from "../../state/feed.ts";
import { formatRoute, type StreamsRoute } from "../../state/route.ts";
import { StoredText } from "../../ui/text.tsx";

const page = signal<StreamPage>({ streams: [] });
const problem = signal<string | undefined>(undefined);

/** The streams. */
export function FindView({ at }: { readonly at: StreamsRoute }) {
  useEffect(() => {
    const controller = new AbortController();
    listStreams({ prefix: at.prefix }, controller.signal)
      .then((found) => page.value = found, (error) => problem.value = messageOf(error));
    return () => controller.abort();
  }, [at.prefix, changes.value]);
  return (
    <>
      <h1>Streams</h1>
      <p class="problem">{problem}</p>
      <ul class="streams">
        {page.value.streams.map(({ name }) => (
          <li key={name}>
            <a href={formatRoute({ view: "stream", name })}>
              <StoredText text={name} />
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}
