import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isAbort, messageOf, token } from "../../api/request.ts";
import { getSubscription, type WholeSubscription } from "../../api/subscriptions.ts";
import { returns } from "../../state/feed.ts";
import { formatCount } from "../../ui/figures.ts";
import { formatRoute } from "../../state/route.ts";
import { StoredText } from "../../ui/text.tsx";
import { SubscriptionState, TryNow } from "./subscription_card.tsx";
import { SubscriptionFacts } from "./subscription_facts.tsx";

/** So many of its streams are shown at first, and each time that more are asked for. */
const SHOWN = 200;

/** One subscription, with the streams that it follows. */
export function SubscriptionDetails({ id }: { readonly id: string }) {
  const found = useSignal<WholeSubscription | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const asked = useSignal(0);
  useEffect(() => {
    const controller = new AbortController();
    getSubscription(id, controller.signal).then((subscription) => {
      found.value = subscription;
      problem.value = undefined;
    }, (error) => {
      if (!isAbort(error)) problem.value = messageOf(error);
    });
    return () => controller.abort();
  }, [asked.value, token.value, returns.value]);
  const subscription = found.value;
  return (
    <div class="page">
      <nav class="path" aria-label="Path">
        <a href="#/subscriptions">Subscriptions</a>
      </nav>
      <div class="view-head">
        <h1>
          <StoredText text={id} />
        </h1>
        {subscription !== undefined && (
          <>
            <SubscriptionState subscription={subscription} />
            <TryNow subscription={subscription} onTried={() => asked.value++} />
          </>
        )}
        <button type="button" onClick={() => asked.value++}>Refresh</button>
      </div>
      <p class="problem" role="alert">{problem.value}</p>
      {subscription !== undefined && (
        <>
          <SubscriptionFacts subscription={subscription} />
          <LinkedStreams subscription={subscription} />
        </>
      )}
    </div>
  );
}

function LinkedStreams({ subscription }: { readonly subscription: WholeSubscription }) {
  const shown = useSignal(SHOWN);
  const { streams } = subscription;
  return (
    <section aria-labelledby="linked-title">
      <h2 id="linked-title">
        {streams.length === 1 ? "1 stream" : `${formatCount(streams.length)} streams`}
      </h2>
      {streams.length > 0 && (
        <div class="table-wrap" tabIndex={0} role="group" aria-label="Streams that it follows">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Stream</th>
                <th scope="col">Processed up to</th>
                <th scope="col">Linked by</th>
              </tr>
            </thead>
            <tbody>
              {streams.slice(0, shown.value).map(({ path, acked_offset, link_type }) => (
                <tr key={path}>
                  <td>
                    <a href={formatRoute({ view: "stream", name: path })}>
                      <StoredText text={path} />
                    </a>
                  </td>
                  <td>
                    <code>{acked_offset === "-1" ? "nothing yet" : acked_offset}</code>
                  </td>
                  <td>{link_type === "explicit" ? "Name" : "Pattern"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {streams.length > shown.value && (
        <button type="button" onClick={() => shown.value += SHOWN}>Show more</button>
      )}
    </section>
  );
}
