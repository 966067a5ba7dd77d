import type { Peer } from "../peers/peer.ts";
import type { PlannedCase } from "./selection.ts";

/** The warm-up before a new process's first window, and before its others. */
export const FIRST_WARM_SECONDS = 4;
/** The warm-up of a process that has answered before. */
export const WARM_SECONDS = 0.5;

const MIN_SECONDS = 0.3;
const MAX_SECONDS = 3;
// Measured on a two-core machine; only how long the default run takes depends on them.
const START_SECONDS = 0.5;
const CASE_SECONDS = 0.3;

/** Cases that share one process of a server. */
export interface CaseGroup {
  readonly chunkBytes: number | undefined;
  readonly oursArgs: readonly string[];
  readonly cases: readonly PlannedCase[];
}

/** What one server does in one round: each group with a process and a directory of its own. */
export function groupsOf(
  peer: Peer,
  cases: readonly PlannedCase[],
  round: number,
): readonly CaseGroup[] {
  const groups = new Map<string, PlannedCase[]>();
  for (const planned of cases) {
    const { setup, onceOnly, id } = planned.case;
    if (!isApplicable(peer, planned) || (onceOnly === true && round > 0)) continue;
    const key = setup?.fresh === true ? id : String(setup?.chunkBytes ?? "");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [planned]);
    else group.push(planned);
  }
  return [...groups.values()].map((group) => ({
    chunkBytes: group[0]?.case.setup?.chunkBytes,
    oursArgs: group[0]?.case.setup?.oursArgs ?? [],
    cases: warmestFirst(group),
  }));
}

function warmestFirst(cases: readonly PlannedCase[]): readonly PlannedCase[] {
  return cases.toSorted((a, b) =>
    Number(b.case.warmsUp ?? false) - Number(a.case.warmsUp ?? false)
  );
}

/** How long a run takes: what doesn't depend on its windows' length, and how many windows there are. */
export interface Estimate {
  readonly fixedSeconds: number;
  readonly windows: number;
}

/** About how long a run takes. */
export function estimate(
  peers: readonly Peer[],
  cases: readonly PlannedCase[],
  rounds: number,
): Estimate {
  let fixedSeconds = 0;
  let windows = 0;
  for (let round = 0; round < rounds; round++) {
    for (const group of peers.flatMap((peer) => groupsOf(peer, cases, round))) {
      fixedSeconds += START_SECONDS + FIRST_WARM_SECONDS;
      for (const { case: { extraSeconds = 0, seconds } } of group.cases) {
        fixedSeconds += WARM_SECONDS + CASE_SECONDS + extraSeconds + (seconds ?? 0);
        if (seconds === undefined) windows++;
      }
    }
  }
  return { fixedSeconds, windows };
}

/** How many of the rounds that were asked for fit a budget, at least one. */
export function roundsThatFit(
  peers: readonly Peer[],
  cases: readonly PlannedCase[],
  rounds: number,
  budgetSeconds: number,
): number {
  for (let fit = rounds; fit > 1; fit--) {
    const { fixedSeconds, windows } = estimate(peers, cases, fit);
    if (fixedSeconds + windows * MIN_SECONDS <= budgetSeconds) return fit;
  }
  return 1;
}

/** How long each window may be so that the whole run stays within its budget, in seconds. */
export function windowSeconds({ fixedSeconds, windows }: Estimate, budgetSeconds: number): number {
  const each = (budgetSeconds - fixedSeconds) / Math.max(1, windows);
  return Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, Math.round(each * 100) / 100));
}

function isApplicable(peer: Peer, { case: one }: PlannedCase): boolean {
  const { protocols, needsEngine, needsWebhooks, restarts, setup } = one;
  if (!(protocols ?? ["http"]).includes(peer.protocol)) return false;
  if ((one.inProcess ?? false) !== (peer.inProcess ?? false)) return false;
  if (needsEngine === true && peer.isHandler === true) return false;
  if (needsWebhooks === true && peer.hasWebhooks !== true) return false;
  if (restarts === true && peer.forgets === true) return false;
  if (setup?.chunkBytes !== undefined && peer.takesChunkBytes !== true) return false;
  if (setup?.oursArgs !== undefined && peer.takesOursArgs !== true) return false;
  // What needs a process of its own can't be asked of one that somebody else started.
  return !(setup?.fresh === true && peer.url !== undefined);
}
