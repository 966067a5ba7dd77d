import type { ComponentChildren } from "preact";
import type { ListedSubscription } from "../../api/subscriptions.ts";
import { serverNowMs } from "../../state/server_clock.ts";
import { formatAge, formatCount, formatDuration, timeOf } from "../../ui/figures.ts";
import { StoredText } from "../../ui/text.tsx";

/** How a subscription does: one line each, the same lines for all. */
export function SubscriptionFacts({ subscription }: { readonly subscription: ListedSubscription }) {
  const { pattern, holder, generation, failures = 0, last_failure: failure } = subscription;
  return (
    <dl class="facts">
      <Fact term="Follows">
        {pattern === null ? "Streams linked by name" : (
          <code>
            <StoredText text={pattern} />
          </code>
        )}
      </Fact>
      <Fact term={subscription.type === "webhook" ? "Webhook" : "Wake stream"}>
        <code>
          <StoredText text={subscription.webhook?.url ?? subscription.wake_stream ?? ""} />
        </code>
      </Fact>
      <Fact term="Lag">{lagText(subscription)}</Fact>
      <Fact term="Generation">{generation === undefined ? "–" : formatCount(generation)}</Fact>
      <Fact term="Holder">
        {holder ? <StoredText text={holder} /> : "Nobody"}
        {subscription.due_at && subscription.phase === "leased" && (
          <>, for {untilText(subscription.due_at)}</>
        )}
      </Fact>
      <Fact term="Last failure">
        {failure
          ? (
            <>
              <StoredText text={failure.reason} /> ({agoText(failure.at)})
            </>
          )
          : failures > 0
          ? `${formatCount(failures)} in a row`
          : "None"}
      </Fact>
    </dl>
  );
}

function Fact({ term, children }: { readonly term: string; readonly children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function lagText({ lag }: ListedSubscription): string {
  if (lag === undefined || lag === null) return "–";
  if (lag.streams === 0) return "None";
  return lag.streams === 1 ? "1 stream" : `${formatCount(lag.streams)} streams`;
}

function agoText(time: string): string {
  return formatAge(serverNowMs() - (timeOf(time) ?? 0));
}

function untilText(time: string): string {
  return formatDuration(Math.max(0, (timeOf(time) ?? 0) - serverNowMs()));
}
