import type { Visit } from "./visits.ts";

const JSON_TYPE = { "content-type": "application/json" };

/** What a small shop might keep, so that every view has something to show. */
export async function makeSampleStreams({ send, url }: Visit): Promise<void> {
  for (const [name, contentType, body, headers] of STREAMS) {
    await send(name, { method: "PUT", headers: { "content-type": contentType, ...headers } });
    await send(name, { method: "POST", headers: { "content-type": contentType }, body });
  }
  await send("chats/2041/summary", {
    method: "PUT",
    headers: { ...JSON_TYPE, "stream-forked-from": `${new URL(url).pathname}/chats/2041` },
  });
  await send("builds/118", { method: "POST", headers: { "stream-closed": "true" } });
  for (const [id, spec] of SUBSCRIPTIONS) {
    const response = await fetch(`${url}/__ds/subscriptions/${id}`, {
      method: "PUT",
      body: JSON.stringify(spec),
    });
    if (!response.ok) throw new Error(`${id}: ${await response.text()}`);
    await response.body?.cancel();
  }
  await send("orders/eu", { method: "POST", headers: JSON_TYPE, body: order(8) });
}

/** Name, content type, first body, further headers of the create. */
type Sample = readonly [string, string, string, Readonly<Record<string, string>>?];

const STREAMS: readonly Sample[] = [
  ["builds/118", "text/plain", "Compiling 214 files\nTests: 1,204 passed\nDone in 48 s\n"],
  ["builds/119", "text/plain", "Compiling 215 files\n", { "stream-ttl": "86400" }],
  ["chats/2041", "application/json", JSON.stringify(chat())],
  ["orders/eu", "application/json", `[${Array.from({ length: 8 }, (_, n) => order(n)).join()}]`],
  ["orders/us", "application/json", `[${[order(900), order(901)].join()}]`],
  ["sensors/roof/temperature", "application/json", '[{"c":11.4},{"c":11.6}]', {
    "stream-ttl": "3600",
  }],
];

const SUBSCRIPTIONS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["invoices", {
    type: "webhook",
    pattern: "orders/*",
    webhook: { url: "http://localhost:9/invoices" },
    description: "Writes an invoice for each order",
  }],
  ["summaries", {
    type: "pull-wake",
    pattern: "chats/*",
    wake_stream: "wakes/summaries",
    lease_ttl_ms: 30_000,
  }],
];

function order(n: number): string {
  const items = ["tea", "coffee", "cocoa", "honey"];
  return JSON.stringify({
    id: `o-${1000 + n}`,
    item: items[n % items.length],
    count: 1 + n % 3,
    total: 4.5 + (n * 7 % 50) / 10,
    paid: n % 5 !== 0,
    address: { city: n % 2 === 0 ? "Lyon" : "Graz", express: n % 4 === 0 },
  });
}

function chat() {
  return [
    { from: "ann", text: "Is the new roast in stock?" },
    { from: "shop", text: "Since this morning. Shall we put a bag aside?" },
    { from: "ann", text: "Two, please." },
  ];
}
