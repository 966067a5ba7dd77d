import { doesNotMatch, ok } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { bundleClient, CLIENT_LIMIT_BYTES } from "../../tools/client_size.ts";

const bundle = await bundleClient();

Deno.test("the client is at most 28 KiB, minified and gzipped", () => {
  const gzippedBytes = gzipSync(bundle, { level: 9 }).length;
  ok(gzippedBytes <= CLIENT_LIMIT_BYTES, `${gzippedBytes} bytes`);
});

Deno.test("the client uses nothing that only one runtime has", () => {
  const code = new TextDecoder().decode(bundle);
  doesNotMatch(code, /["'](?:node|bun):|\bDeno\.|\bBun\.|\bprocess\.|\brequire\(|\bBuffer\b/);
  // Node 20 has none of these yet.
  doesNotMatch(code, /\.withResolvers\b|\bfromAsync\b|\.(?:toBase64|fromBase64|setFromBase64)\b/);
});
