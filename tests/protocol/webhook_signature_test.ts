import { deepEqual, equal } from "node:assert/strict";
import { decodeUtf8, encodeUtf8 } from "../../src/protocol/bytes.ts";
import {
  formatWebhookSignature,
  parseWebhookSignature,
  signedContent,
} from "../../src/protocol/webhook_signature.ts";

const SIGNATURE = "A".repeat(84) + "_-";
const HEADER = `t=1778324210,kid=ds_abc-1_2,ed25519=${SIGNATURE}`;

Deno.test("a signature header has t, kid and ed25519 in this order (§7.1)", () => {
  const parsed = { timestamp: 1778324210, kid: "ds_abc-1_2", signature: SIGNATURE };
  equal(formatWebhookSignature(parsed), HEADER);
  deepEqual(parseWebhookSignature(HEADER), parsed);
});

Deno.test("what is signed is the timestamp, a dot and the raw body (§7.1)", () => {
  equal(decodeUtf8(signedContent(1778324210, encodeUtf8('{"a":1}'))), '1778324210.{"a":1}');
  equal(signedContent(1, new Uint8Array([0xff, 0])).join(), "49,46,255,0");
});

Deno.test("what is no signature header isn't read as one", () => {
  for (
    const header of [
      "",
      HEADER.slice(0, -1),
      `${HEADER}=`,
      `${HEADER},x=1`,
      ` ${HEADER}`,
      `${HEADER}\n`,
      HEADER.replace("t=1778324210", "t=-1"),
      HEADER.replace("t=1778324210", "t=01"),
      HEADER.replace("t=1778324210", "t=1e9"),
      HEADER.replace("t=1778324210", "t="),
      HEADER.replace("t=1778324210", `t=${"9".repeat(16)}`),
      HEADER.replace("kid=ds_abc-1_2", "kid="),
      HEADER.replace("kid=ds_abc-1_2", "kid=a b"),
      HEADER.replace("kid=ds_abc-1_2", `kid=${"a".repeat(129)}`),
      HEADER.replace("ed25519=", "hmac="),
      HEADER.replace("_-", "+/"),
      `kid=ds_a,t=1,ed25519=${SIGNATURE}`,
      HEADER.repeat(10),
    ]
  ) equal(parseWebhookSignature(header), undefined, header);
});
