import fc from "fast-check";
import type { SubscriptionChange } from "../../src/storage/records.ts";
import type {
  SubscriptionConfig,
  SubscriptionState,
  WakeStream,
} from "../../src/storage/subscription.ts";
import type { SubscriptionRow } from "../../src/storage/subscriptions/capture.ts";
import { plainRecord } from "./plain_record.ts";

const whole = fc.maxSafeNat();
/** Half of a surrogate pair, line breaks and quotes too: JSON has to bring all of it back. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom("\ud800", 'a"\\\n\u2028', "é"),
);
const optional = fc.option(text, { nil: undefined });

const configWithoutCreator = plainRecord<SubscriptionConfig>({
  type: fc.constantFrom("webhook", "pull-wake"),
  pattern: optional,
  streams: fc.array(text, { maxLength: 3 }),
  webhookUrl: optional,
  wakeStream: optional,
  leaseMs: whole,
  description: optional,
});

/** Of those that have no creator the member is missing. */
const config: fc.Arbitrary<SubscriptionConfig> = fc.oneof(
  configWithoutCreator,
  fc.tuple(configWithoutCreator, text).map(([config, creator]) => ({ ...config, creator })),
);

const state = plainRecord<SubscriptionState>({
  phase: fc.constantFrom("idle", "delivering", "waiting", "leased"),
  generation: whole,
  wakeId: text,
  wakeAtMs: whole,
  holder: text,
  dueMs: whole,
  failures: whole,
  failed: fc.boolean(),
});

const wakeStreams = fc.array(
  plainRecord<WakeStream>({
    streamId: whole,
    path: text,
    isExplicit: fc.boolean(),
    acked: whole,
    tail: whole,
    ackedOffset: text,
    tailOffset: text,
  }),
  { maxLength: 3 },
);

/** All that can happen to a subscription. */
export const subscriptionChange: fc.Arbitrary<SubscriptionChange> = fc.oneof(
  plainRecord({
    kind: fc.constant("create" as const),
    name: text,
    config,
    hash: text,
    baseUrl: text,
  }),
  fc.constant({ kind: "delete" as const }),
  plainRecord({ kind: fc.constant("link" as const), paths: fc.array(text, { maxLength: 3 }) }),
  plainRecord({ kind: fc.constant("unlink" as const), path: text, streamId: whole }),
  plainRecord({
    kind: fc.constant("state" as const),
    state,
    acks: fc.array(
      plainRecord({ streamId: whole, position: whole, isTail: fc.boolean() }),
      { maxLength: 3 },
    ),
    wakeStreams: fc.option(wakeStreams, { nil: undefined }),
  }),
);

/** Rows as a checkpoint stores them. */
export const subscriptionRow: fc.Arbitrary<SubscriptionRow> = plainRecord({
  id: whole,
  name: text,
  lsn: whole,
  createdAtMs: whole,
  cursorCount: whole,
  config,
  hash: text,
  baseUrl: text,
  links: fc.array(text, { maxLength: 3 }),
  state,
  wakeStreams,
});
