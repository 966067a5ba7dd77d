import { streamsUrl } from "../../api/config.ts";
import { Empty } from "../../ui/empty.tsx";

/** What stands where nobody subscribes: what it is for, and the request that makes the first. */
export function SubscriptionsEmpty() {
  const command = `curl -X PUT ${streamsUrl}/__ds/subscriptions/mailer -d '{
  "type": "webhook",
  "pattern": "users/*/events",
  "webhook": { "url": "http://localhost:8080/hook" } }'`;
  return (
    <Empty title="No subscriptions yet">
      <p>
        A subscription wakes a worker when streams change, by a webhook or by a wake stream, so that
        nobody polls. It knows up to where each stream was processed.
      </p>
      <pre
        class="command"
        tabIndex={0}
        role="group"
        aria-label="Command"
      ><code>{command}</code></pre>
    </Empty>
  );
}
