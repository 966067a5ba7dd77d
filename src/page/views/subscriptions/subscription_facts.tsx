import type { ComponentChildren } from "preact";
import type { ListedSubscription } from "../../api/subscriptions.ts";
import { hello } from "../../state/feed.ts";
import { formatCount, formatDuration, timeOf } from "../../ui/figures.ts";
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

/** The server's clock: this machine's may be another. */
function nowMs(): number {
  return hello.value === undefined ? Date.now() : Date.now() + clockOffsetMs();
}

let offset: { readonly of: number; readonly ms: number } | undefined;

function clockOffsetMs(): number {
  const said = hello.value?.now ?? Date.now();
  if (offset?.of !== said) offset = { of: said, ms: said - Date.now() };
  return offset.ms;
}

function agoText(time: string): string {
  return `${formatDuration(Math.max(0, nowMs() - (timeOf(time) ?? 0)))} ago`;
}

function untilText(time: string): string {
  return formatDuration(Math.max(0, (timeOf(time) ?? 0) - nowMs()));
}
