import type { Case, Workload, WorkloadOptions } from "../workloads/workload.ts";

/** A case and the workload it belongs to. */
export interface PlannedCase {
  readonly workload: Workload;
  readonly case: Case;
}

/**
 * The cases of a run: those of the default run, all, or those that are named. `WORKLOAD` names a
 * workload's default cases, or all of them with `--all`; `WORKLOAD/CASE` the case of that name, else all
 * whose name has these parts.
 *
 * @throws {Error} where a name fits nothing
 */
export function selectCases(
  workloads: readonly Workload[],
  options: WorkloadOptions,
  only: readonly string[],
  all: boolean,
): readonly PlannedCase[] {
  const every = workloads.flatMap((workload) =>
    workload.cases(options).map((one) => ({ workload, case: one }))
  );
  const isIncluded = ({ case: { selection } }: PlannedCase) =>
    selection === "default" || (all && selection === "all");
  const asked = only.flatMap((list) => list.split(",")).map((text) => text.trim())
    .filter((text) => text !== "");
  if (asked.length === 0) return every.filter(isIncluded);
  const wanted = new Set(asked.flatMap((name) => named(name, every, isIncluded, workloads)));
  return every.filter((one) => wanted.has(one));
}

function named(
  asked: string,
  every: readonly PlannedCase[],
  isIncluded: (one: PlannedCase) => boolean,
  workloads: readonly Workload[],
): readonly PlannedCase[] {
  const [name = "", parts] = asked.split("/", 2);
  const ofWorkload = every.filter((one) => one.workload.name === name);
  if (ofWorkload.length === 0) {
    const names = workloads.map((workload) => workload.name).join(", ");
    throw new Error(`--only names the workload "${name}"; there are ${names}`);
  }
  if (parts === undefined) return ofWorkload.filter(isIncluded);
  const exact = ofWorkload.filter((one) => one.case.id === asked);
  if (exact.length > 0) return exact;
  const found = ofWorkload.filter((one) => hasParts(one.case.id, parts));
  if (found.length > 0) return found;
  throw new Error(`--only names "${asked}", which fits no case; --list prints their names`);
}

function hasParts(id: string, parts: string): boolean {
  const own = id.slice(id.indexOf("/") + 1).split("-");
  return parts.split("-").every((part) => own.includes(part));
}
