import { deepStrictEqual as equal, ok } from "node:assert";
import { ClientError } from "../../src/client/errors/client_error.ts";
import { Client } from "../../src/client/client.ts";
import { readLink } from "../../src/client/read_link.ts";
import type { ReadMode } from "../../src/client/reader/read_mode.ts";
import { fetchTransport } from "../../src/client/transport/transport.ts";
import { AppKit } from "../support/client/reader_kit.ts";
import { failed } from "../support/client/producer_fixture.ts";
import { CLOSE, JSON_TYPE, settle } from "../support/fixture.ts";

const SIGNED = "ds-exp=1893456000&ds-kid=k1&ds-p=a%2F**&ds-sig=s%2Fcr%2Bt";
const LINK = `http://localhost/v1/stream/a/b%20c?${SIGNED}`;
const MODES: readonly ReadMode[] = ["sse", "long-poll", "auto", "catch-up"];

/** An app that lets nobody in without what the link has. */
function linked() {
  const kit: AppKit = new AppKit();
  const urls: URL[] = [];
  const fetch = (url: string, init: RequestInit) => {
    urls.push(new URL(url));
    const given = [...new URL(url).searchParams].filter(([name]) => name.startsWith("ds-"));
    const isGood = new URLSearchParams(given).toString() === SIGNED;
    return isGood ? kit.app.request(url, init) : new Response("no", { status: 401 });
  };
  return { kit, urls, transport: fetchTransport({ fetch, clock: kit.clock }) };
}

for (const readMode of MODES) {
  Deno.test(`a signed link is read in ${readMode}, and what it has goes along with every request`, async () => {
    const { kit, urls, transport } = linked();
    await kit.make("a/b%20c", JSON_TYPE, "[1]");
    const reader = readLink(LINK, { transport, readMode, clock: kit.clock });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const message of reader) seen.push(message.text());
    })();
    await settle();
    await kit.append("a/b%20c", { ...JSON_TYPE, ...CLOSE }, "[2]");
    await kit.until(reading);
    equal(seen, readMode === "catch-up" ? ["1"] : ["1", "2"]);
    ok(urls.every(({ searchParams }) => searchParams.get("ds-sig") === "s/cr+t"));
    ok(urls.every(({ searchParams }) => searchParams.has("offset")));
  });
}

Deno.test("where a link says from where to read, the reader does", async () => {
  const { kit, urls, transport } = linked();
  await kit.make("a/b%20c", JSON_TYPE, "[1]");
  const reader = readLink(`${LINK}&offset=-1&live=sse`, { transport, readMode: "catch-up" });
  equal((await reader.all()).length, 1);
  equal(urls[0]?.searchParams.getAll("offset"), ["-1"]);
  equal(urls[0]?.searchParams.has("live"), false);
});

Deno.test("a base URL with a link's query does the same for the streams below", async () => {
  const { kit, transport } = linked();
  await kit.make("a/b%20c", JSON_TYPE, "[1]");
  const client = new Client(`http://localhost/v1/stream?${SIGNED}`, { transport });
  equal(await client.reader("a/b c").allText(), "1\n");
});

Deno.test("nothing of a signature is in an error, whatever the network says of the URL", async () => {
  const quoting = [
    (url: string) => new Response(`Not for ${url}`, { status: 403 }),
    (url: string) => new Response(`Not for ${url}`, { status: 404 }),
    (url: string) => {
      throw new TypeError(`error sending request for url (${url})`);
    },
    // As Bun has it.
    (url: string) => {
      throw Object.assign(new TypeError("Unable to connect."), { path: url });
    },
  ];
  for (const fetch of quoting) {
    const reader = readLink(LINK, { transport: fetchTransport({ fetch }), maxElapsedMs: 0 });
    const error = await reader.read().catch((error: unknown) => error);
    ok(error instanceof ClientError);
    const { cause } = error;
    const told = [error.message, error.stack, JSON.stringify(error), Deno.inspect(error)];
    if (cause instanceof Error) told.push(cause.message, cause.stack, Deno.inspect(cause));
    ok(!told.join("\n").includes("cr%2Bt"), told.join("\n"));
    ok(error.url?.includes("ds-sig=***"));
  }
});

Deno.test("a link that is no stream's URL is refused without what is in its query", async () => {
  const { transport } = linked();
  for (const link of [`nonsense?${SIGNED}`, `http://localhost/%ff?${SIGNED}`]) {
    const error = await failed(
      Promise.resolve().then(() => readLink(link, { transport }).read()),
      "invalid_argument",
      /^The link is /,
    );
    ok(!error.message.includes("cr%2Bt"), error.message);
  }
});
