import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isAbort, messageOf, token } from "../../api/request.ts";
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
  const load = async (after: string | undefined, signal: AbortSignal) => {
    try {
      const found = await listSubscriptions(after, signal);
      const before = after === undefined ? [] : page.peek()?.subscriptions ?? [];
      page.value = { ...found, subscriptions: [...before, ...found.subscriptions] };
      problem.value = undefined;
    } catch (error) {
      if (!isAbort(error)) problem.value = messageOf(error);
    }
  };
  useEffect(() => {
    const controller = new AbortController();
    load(undefined, controller.signal);
    return () => controller.abort();
  }, [asked.value, token.value]);
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
          onClick={() => load(found.next, new AbortController().signal)}
        >
          Show more
        </button>
      )}
    </div>
  );
}
