import { deepStrictEqual as equal, throws } from "node:assert";
import fc from "fast-check";
import { hashConfig } from "../../../src/storage/subscriptions/hash.ts";
import { NEW_SUBSCRIPTION } from "../../../src/storage/subscription.ts";
import {
  decodeBody,
  decodeChange,
  encodeBody,
  encodeChange,
  type SubscriptionBody,
} from "../../../src/storage/subscriptions/subscription_json.ts";
import { subscriptionChange, subscriptionRow } from "../../support/subscription_arbitraries.ts";

const AT_MS = 1_767_225_600_000;
const BODY: SubscriptionBody = {
  createdAtMs: AT_MS,
  config: {
    type: "pull-wake",
    pattern: "a/**",
    streams: ["b"],
    webhookUrl: undefined,
    wakeStream: "wakes",
    leaseMs: 30_000,
    description: undefined,
  },
  hash: "h",
  baseUrl: "http://localhost:4437/v1/stream",
  links: ["b", "c"],
  state: { ...NEW_SUBSCRIPTION, phase: "leased", generation: 2, wakeId: "w2", holder: "me" },
  wakeStreams: [{
    streamId: 7,
    path: "a/é",
    isExplicit: false,
    acked: 3,
    tail: 9,
    ackedOffset: "-1",
    tailOffset: "9",
  }],
  cursorCount: 4,
};
const GOLDEN = '{"createdAtMs":1767225600000,"config":{"type":"pull-wake","pattern":"a/**",' +
  '"streams":["b"],"wakeStream":"wakes","leaseMs":30000},"hash":"h",' +
  '"baseUrl":"http://localhost:4437/v1/stream","links":["b","c"],"state":{"phase":"leased",' +
  '"generation":2,"wakeId":"w2","wakeAtMs":0,"holder":"me","dueMs":0,"failures":0,' +
  '"failed":false},"wakeStreams":[{"streamId":7,"path":"a/é","isExplicit":false,"acked":3,' +
  '"tail":9,"ackedOffset":"-1","tailOffset":"9"}],"cursorCount":4}';

Deno.test("a subscription's body has its golden text", () => {
  equal(encodeBody(BODY), GOLDEN);
  equal(decodeBody(GOLDEN), BODY);
});

Deno.test("a creator is the last member of its subscription's configuration, in rows and records", () => {
  const config = { ...BODY.config, creator: '{"sub":"me"}' };
  const golden = GOLDEN.replace(
    '"leaseMs":30000}',
    '"leaseMs":30000,"creator":"{\\"sub\\":\\"me\\"}"}',
  );
  equal(encodeBody({ ...BODY, config }), golden);
  equal(decodeBody(golden).config, config);
  const create = { kind: "create", name: "s", config, hash: "h", baseUrl: "u" } as const;
  const text = encodeChange(create);
  equal(text.includes(golden.slice(golden.indexOf('"config"'), golden.indexOf('"hash"'))), true);
  equal(decodeChange("create", text), create);
});

Deno.test("a creator tells no two configurations apart", () => {
  equal(hashConfig({ ...BODY.config, creator: "me" }), hashConfig(BODY.config));
});

Deno.test("the order of what was given doesn't change the text", () => {
  const { description, ...config } = BODY.config;
  const { failed, ...state } = BODY.state;
  const turned = { ...BODY, config: { description, ...config }, state: { failed, ...state } };
  equal(encodeBody(turned), GOLDEN);
});

Deno.test("bodies and changes come back as they were", () => {
  fc.assert(fc.property(subscriptionRow, ({ id: _id, name: _name, lsn: _lsn, ...body }) => {
    equal(decodeBody(encodeBody(body)), body);
  }));
  fc.assert(fc.property(subscriptionChange, (change) => {
    equal(decodeChange(change.kind, encodeChange(change)), change);
  }));
});

Deno.test("any member that is missing, another or too many is damage", () => {
  const whole = JSON.parse(GOLDEN);
  const edits: ((body: typeof whole) => void)[] = [
    (body) => delete body.hash,
    (body) => body.hash = 1,
    (body) => body.more = 1,
    (body) => body.createdAtMs = -1,
    (body) => body.createdAtMs = 1.5,
    (body) => body.createdAtMs = null,
    (body) => body.links = {},
    (body) => body.links = [1],
    (body) => body.config = null,
    (body) => body.config = [],
    (body) => body.config.type = "push",
    (body) => body.config.pattern = null,
    (body) => body.config.more = "",
    (body) => body.config.creator = null,
    (body) => body.state.phase = "gone",
    (body) => body.state.failed = 0,
    (body) => delete body.state.dueMs,
    (body) => body.wakeStreams[0] = [],
    (body) => body.wakeStreams[0].more = 1,
  ];
  for (const edit of edits) {
    const body = structuredClone(whole);
    edit(body);
    throws(() => decodeBody(JSON.stringify(body)), SyntaxError, String(edit));
  }
  for (const text of ["", "[]", "null", GOLDEN.slice(0, -1), `${GOLDEN}x`]) {
    throws(() => decodeBody(text), SyntaxError, text);
  }
  throws(() => decodeChange("delete", '{"path":"a"}'), SyntaxError);
  throws(() => decodeChange("link", '{"path":"a"}'), SyntaxError);
});

Deno.test("a number that couldn't be read again is never written", () => {
  for (const dueMs of [NaN, Infinity, -1, 0.5]) {
    throws(() => encodeBody({ ...BODY, state: { ...BODY.state, dueMs } }), /a whole number/);
  }
  throws(
    () =>
      encodeChange({
        kind: "state",
        state: NEW_SUBSCRIPTION,
        acks: [{ streamId: 1, position: -1, isTail: false }],
        wakeStreams: undefined,
      }),
    /a whole number/,
  );
});
