import { deepEqual, equal } from "node:assert/strict";
import { DONE } from "../../support/scripted_transport.ts";
import { settled, SubscriptionFixture } from "../../support/subscription_fixture.ts";

Deno.test("the metrics tell how many subscriptions there are, and how far they lag", async () => {
  const served = new SubscriptionFixture({ metrics: "/metrics" });
  const values = async (...names: string[]) => {
    const lines = (await (await served.send("GET", "/metrics")).text()).split("\n");
    return names.map((name) =>
      Number(lines.find((line) => line.startsWith(`durable_streams_${name} `))?.split(" ").at(-1))
    );
  };
  await served.stream("events/a", "abc");
  await served.subscribe("s");
  await served.pool("p");
  deepEqual(
    await values('subscriptions{type="webhook"}', 'subscriptions{type="pull-wake"}'),
    [1, 1],
  );
  const state = [
    "pending_subscriptions",
    "pending_subscription_streams",
    "subscription_lag_seconds",
  ];
  deepEqual(await values(...state), [0, 0, 0]);

  served.endpoint.script = () => DONE;
  await served.write("events/a");
  await served.pass(2_000);
  deepEqual(await values(...state), [1, 1, 2], "nobody has claimed the wake of p");
  equal((await values('webhook_deliveries_total{outcome="done"}'))[0], 1);

  served.endpoint.script = () => ({ status: 500 });
  await served.write("events/a");
  await settled();
  deepEqual(
    await values('webhook_deliveries_total{outcome="failed"}', "failing_subscriptions"),
    [1, 1],
  );
});
