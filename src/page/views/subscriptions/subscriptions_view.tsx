import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isAbort, messageOf, token } from "../../api/request.ts";
import { returns } from "../../state/feed.ts";
import { listSubscriptions, type SubscriptionPage } from "../../api/subscriptions.ts";
import type { SubscriptionsRoute } from "../../state/route.ts";
import { SubscriptionCard } from "./subscription_card.tsx";
import { SubscriptionDetails } from "./subscription_details.tsx";
import { SubscriptionsEmpty } from "./subscriptions_empty.tsx";

/** All subscriptions, or one of them. */
export function SubscriptionsView({ at }: { readonly at: SubscriptionsRoute }) {
  return at.id === undefined
    ? <SubscriptionList />
    : <SubscriptionDetails key={at.id} id={at.id} />;
}

function SubscriptionList() {
  const page = useSignal<SubscriptionPage | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const asked = useSignal(0);
  const isBusy = useSignal(false);
  const running = useRef<AbortController>(undefined);
  /** One at a time: what is asked for later is what is wanted. */
  const load = async (after?: string) => {
    running.current?.abort();
    const run = running.current = new AbortController();
    isBusy.value = true;
    try {
      const found = await listSubscriptions(after, run.signal);
      if (run.signal.aborted) return;
      const before = after === undefined ? [] : page.peek()?.subscriptions ?? [];
      page.value = { ...found, subscriptions: [...before, ...found.subscriptions] };
      problem.value = undefined;
    } catch (error) {
      if (!isAbort(error)) problem.value = messageOf(error);
    } finally {
      if (running.current === run) isBusy.value = false;
    }
  };
  useEffect(() => {
    void load();
    return () => running.current?.abort();
  }, [asked.value, token.value, returns.value]);
  const found = page.value;
  return (
    <div class="page">
      <div class="view-head">
        <h1>Subscriptions</h1>
        <button type="button" onClick={() => asked.value++}>Refresh</button>
      </div>
      <p class="problem" role="alert">{problem.value}</p>
      {found?.subscriptions.length === 0 && <SubscriptionsEmpty />}
      <ul class="subscriptions">
        {found?.subscriptions.map((subscription) => (
          <SubscriptionCard
            key={subscription.id}
            subscription={subscription}
            onTried={() => asked.value++}
          />
        ))}
      </ul>
      {found?.next !== undefined && (
        <button
          type="button"
          disabled={isBusy.value}
          onClick={() => void load(found.next)}
        >
          Show more
        </button>
      )}
    </div>
  );
}
