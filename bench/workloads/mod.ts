import { APPEND } from "./append.ts";
import { CATCH_UP } from "./catch_up.ts";
import type { Workload } from "./workload.ts";

/** Every workload, in the order of the tables. */
export const WORKLOADS: readonly Workload[] = [APPEND, CATCH_UP];
