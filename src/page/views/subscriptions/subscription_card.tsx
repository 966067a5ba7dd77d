import { useSignal } from "@preact/signals";
import { messageOf } from "../../api/request.ts";
import { type ListedSubscription, tryNow } from "../../api/subscriptions.ts";
import { notify } from "../../state/notice.ts";
import { formatRoute } from "../../state/route.ts";
import { StoredText } from "../../ui/text.tsx";
import { SubscriptionFacts } from "./subscription_facts.tsx";

const PHASES = {
  idle: "Idle",
  delivering: "Delivering",
  waiting: "Waiting",
  leased: "Leased",
};

/** One subscription in the list. */
export function SubscriptionCard({ subscription, onTried }: {
  readonly subscription: ListedSubscription;
  readonly onTried: () => void;
}) {
  const { id, description } = subscription;
  return (
    <li class="subscription">
      <div class="subscription-head">
        <h2>
          <a href={formatRoute({ view: "subscriptions", id })}>
            <StoredText text={id} />
          </a>
        </h2>
        <SubscriptionState subscription={subscription} />
        <TryNow subscription={subscription} onTried={onTried} />
      </div>
      {description !== null && (
        <p class="soft">
          <StoredText text={description} />
        </p>
      )}
      <SubscriptionFacts subscription={subscription} />
    </li>
  );
}

/** Its kind and where it is, as tags. */
export function SubscriptionState({ subscription }: { readonly subscription: ListedSubscription }) {
  const { type, status, phase } = subscription;
  const isFailed = status === "failed";
  return (
    <>
      <span class="tag">{type === "webhook" ? "Webhook" : "Pull-wake"}</span>
      <span class="tag" data-tone={isFailed ? "bad" : "good"}>
        {isFailed ? "Failed" : phase === undefined ? "Active" : PHASES[phase]}
      </span>
    </>
  );
}

/** Tries a delivery again that waits for its time. */
export function TryNow({ subscription, onTried }: {
  readonly subscription: ListedSubscription;
  readonly onTried: () => void;
}) {
  const isBusy = useSignal(false);
  const { id, status, phase, failures = 0 } = subscription;
  const isWaiting = status === "failed" || (failures > 0 && phase !== "delivering");
  const retry = async () => {
    isBusy.value = true;
    try {
      const isTried = await tryNow(id);
      notify(isTried ? "It is tried now." : "Nothing waits for its time now.");
    } catch (error) {
      notify(messageOf(error));
    }
    isBusy.value = false;
    onTried();
  };
  if (!isWaiting) return null;
  return <button type="button" disabled={isBusy.value} onClick={retry}>Try now</button>;
}
