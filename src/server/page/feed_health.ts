import type { Bytes } from "../../protocol/bytes.ts";
import type { ServerContext } from "../verbs/context.ts";
import { describeHealth } from "../verbs/health.ts";
import { readiness } from "../verbs/readiness.ts";
import { adviceFor } from "./advice.ts";
import { frameOf } from "./feed_body.ts";

/** One health, for those who see so much of it. */
export interface HealthFrame {
  /** Another one wherever a page is to be told. */
  readonly key: string;
  frame(): Bytes;
}

/** The health for those who see all of it, and for all others, who see what `/health/ready` says to anybody. */
export function healthFrames(
  context: ServerContext,
): { readonly admin: HealthFrame; readonly others: HealthFrame } {
  const { storage, counters } = context;
  const status = readiness(context);
  const found = storage.status();
  const { figures } = found;
  const short = { status, reason: found.reason };
  const advice = adviceFor(status, found);
  const adminKey = JSON.stringify([
    short,
    advice,
    figures.damagedStreams,
    figures.damagedSubscriptions,
    figures.failedCheckpoints,
    counters.internalErrors,
    found.quotas?.isCounted,
  ]);
  return {
    admin: {
      key: adminKey,
      frame: () => frameOf("health", { ...describeHealth(context, status), advice }),
    },
    others: {
      key: JSON.stringify(short),
      frame: () => frameOf("health", { ...short, advice: status === "ok" ? undefined : advice }),
    },
  };
}
