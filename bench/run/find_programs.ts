import type { Peer } from "../peers/peer.ts";
import { errorText } from "../system/error_text.ts";
import type { Failure } from "./run.ts";

/** Where the programs of a run's peers are, and which peers are left out for want of theirs. */
export interface FoundPrograms {
  readonly programs: ReadonlyMap<string, string>;
  readonly missing: readonly Failure[];
}

/** Finds or installs what the peers need, `given` being what the command line named. */
export async function findPrograms(
  peers: readonly Peer[],
  given: Readonly<Record<string, string | undefined>>,
): Promise<FoundPrograms> {
  const programs = new Map<string, string>();
  const missing: Failure[] = [];
  const reasons = new Map<string, string>();
  for (const { name: server, program } of peers) {
    if (program === undefined || programs.has(program.name)) continue;
    let reason = reasons.get(program.name);
    if (reason === undefined) {
      try {
        programs.set(program.name, await program.find(given[program.name]));
        continue;
      } catch (error) {
        reason = errorText(error);
        reasons.set(program.name, reason);
      }
    }
    missing.push({ server, case: undefined, reason });
  }
  return { programs, missing };
}
