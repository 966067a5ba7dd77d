import { connectionFlags } from "./common_flags.ts";
import { environmentName, type Flag } from "./flag.ts";
import type { Environment } from "./flag_values.ts";
import { serveFlags } from "./serve_flags.ts";
import { suggest } from "./suggestion.ts";

/** A variable that looks like one of the program's and is none. */
export interface UnknownVariable {
  readonly name: string;
  /** The one that was meant, where one comes near. */
  readonly meant: string | undefined;
}

const PREFIX = "DURABLE_STREAMS_";
/** What Kubernetes sets in every pod for a service whose name begins with durable-streams. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT\w*)$|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$/;

/** The variables that begin as the program's do and say nothing to any command. */
export function unknownVariables(environment: Environment): readonly UnknownVariable[] {
  const tables = [serveFlags, connectionFlags];
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

/** The variable, and what it may have been meant to be, as the beginning of a message. */
export function describeUnknown({ name, meant }: UnknownVariable): string {
  return `the environment variable ${name} says nothing to this program` +
    (meant === undefined ? "" : `; did you mean ${meant}?`);
}
