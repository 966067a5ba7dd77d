import { connectionFlags } from "./common_flags.ts";
import { copyTokenFlags } from "./copy_flags.ts";
import { environmentName, type Flag, type FlagTable } from "./flag.ts";
import type { Environment } from "./flag_values.ts";
import { serveFlags } from "./serve_flags.ts";
import { suggest } from "./suggestion.ts";

/** A variable that looks like one of the program's but isn't. */
export interface UnknownVariable {
  readonly name: string;
  /** The similar variable that is probably meant, if there is one. */
  readonly meant: string | undefined;
}

const PREFIX = "DURABLE_STREAMS_";
/** Variables that Kubernetes sets in every pod for a service whose name begins with durable-streams. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT\w*)$|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$/;

/** The variables that begin like the program's, but that no command reads. */
export function unknownVariables(environment: Environment): readonly UnknownVariable[] {
  const tables: FlagTable[] = [serveFlags, connectionFlags, ...Object.values(copyTokenFlags)];
  const known = tables.flatMap((table) => Object.values<Flag<unknown>>(table))
    .filter(({ commandLineOnly }) => !commandLineOnly)
    .map(environmentName);
  const short = (name: string) => name.slice(PREFIX.length).toLowerCase().replaceAll("_", "-");
  return Object.keys(environment)
    .filter((name) =>
      name.startsWith(PREFIX) && environment[name] !== undefined && !known.includes(name) &&
      !SERVICE_LINK.test(name)
    )
    .map((name) => {
      const meant = suggest(short(name), known.map(short));
      return { name, meant: known.find((other) => short(other) === meant) };
    });
}

/** A message that names the variable, and the one that is probably meant. */
export function describeUnknown({ name, meant }: UnknownVariable): string {
  return `the environment variable ${name} says nothing to this program` +
    (meant === undefined ? "" : `; did you mean ${meant}?`);
}
