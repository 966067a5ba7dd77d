import { APPEND } from "./append.ts";
import { BARE_NATS } from "./bare_nats.ts";
import { CATCH_UP } from "./catch_up.ts";
import { FAIR } from "./fair.ts";
import { HISTORY } from "./history.ts";
import { FAN_OUT, ROUND_TRIP, TOKENS } from "./live.ts";
import { SCALE } from "./scale.ts";
import { STEADY } from "./steady.ts";
import { WAKE } from "./wake.ts";
import type { Workload } from "./workload.ts";

/** Every workload, in the order of the tables. */
export const WORKLOADS: readonly Workload[] = [
  APPEND,
  ROUND_TRIP,
  FAN_OUT,
  TOKENS,
  CATCH_UP,
  HISTORY,
  SCALE,
  STEADY,
  WAKE,
  FAIR,
  BARE_NATS,
];
