import type { StreamSet, Target } from "./requests.ts";

/** Creates streams and waits for all of them. */
export interface CreateCommand {
  readonly op: "create";
  readonly target: Target;
  readonly streams: StreamSet;
  readonly contentType: string;
  /** The path of the stream that they are forks of. */
  readonly forkedFrom?: string;
}

/** Appends once to each stream and waits for all of it. */
export interface AppendEachCommand {
  readonly op: "append-each";
  readonly target: Target;
  readonly streams: StreamSet;
  readonly contentType: string;
  readonly bodyBytes: number;
}

/** Fills one stream up to a size. */
export interface FillCommand {
  readonly op: "fill";
  readonly target: Target;
  readonly path: string;
  readonly contentType: string;
  readonly bytes: number;
  /** How large each append is: a read never ends within one. */
  readonly bodyBytes: number;
}

/** Where the account of a server's use is kept. */
export interface Watched {
  /** Undefined where the process can't be seen. */
  readonly pid: number | undefined;
  /** Further processes that do the same: other front ends of a cluster. */
  readonly otherPids?: readonly number[];
  /** The servers of the cluster that they keep their streams in. */
  readonly clusterPids?: readonly number[];
  /** The file that counts what the disk under its directory has written, where it lies on one. */
  readonly diskStat: string | undefined;
}

/** What every timed command has. */
export interface Timed {
  readonly target: Target;
  readonly watched: Watched;
  readonly connections: number;
  /** How long the same load runs before the window. */
  readonly warmSeconds: number;
  readonly seconds: number;
  readonly streams: StreamSet;
}

/** Appends to the streams in turn, closed loop or at a given pace. */
export interface AppendCommand extends Timed {
  readonly op: "append";
  readonly contentType: string;
  readonly bodyBytes: number;
  /** Whether each connection is an idempotent producer. */
  readonly producers: boolean;
  /** Appends a second, each timed from when it was due; undefined: as fast as answers come. */
  readonly pace: number | undefined;
}

/** Reads the streams from the start to the end. */
export interface CatchUpCommand extends Timed {
  readonly op: "catch-up";
  /** What one whole pass over a stream has to yield at least. */
  readonly streamBytes: number;
  /** Whether each connection stops after one pass: what is read again isn't cold. */
  readonly once: boolean;
}

/** Reads whole short streams at random, each answer of the same size. */
export interface ReadRandomCommand extends Timed {
  readonly op: "read-random";
  readonly bodyBytes: number;
  /** After so many reads the window ends. */
  readonly limitReads: number;
}

/** Appends to one stream and reads at its tail, in turn. */
export interface TailCommand extends Timed {
  readonly op: "tail";
  readonly contentType: string;
  readonly bodyBytes: number;
}

/** Appends that are seen by live readers. */
export interface DeliverCommand extends Timed {
  readonly op: "deliver";
  readonly mode: "sse" | "long-poll";
  readonly readersPerStream: number;
  /** Appends a second to each stream; undefined: the next when all readers have seen the last. */
  readonly pace: number | undefined;
  readonly bodyBytes: number;
}

/** Appends at a pace to streams that each have a webhook, which the generator itself answers. */
export interface WakeCommand extends Timed {
  readonly op: "wake";
  /** The paths of their subscriptions. */
  readonly subscriptions: StreamSet;
  /** What streams' paths begin with that isn't part of their names. */
  readonly root: string;
  /** Appends a second to all streams together. */
  readonly pace: number;
  readonly bodyBytes: number;
}

/**
 * Appends of one client at a pace that its limit allows, to the first of the streams, beside another one's
 * that sends to the second as fast as answers come.
 */
export interface FairCommand extends Timed {
  readonly op: "fair";
  readonly contentType: string;
  readonly bodyBytes: number;
  /** Appends a second of the first. */
  readonly pace: number;
  /** How many the other one has; none where the first is to be alone. */
  readonly greedyConnections: number;
}

/** Makes subscriptions to streams that nobody appends to. */
export interface SubscribeCommand {
  readonly op: "subscribe";
  readonly target: Target;
  readonly subscriptions: StreamSet;
}

/** What the bench asks of the generator: one line of JSON each. */
export type Command =
  | CreateCommand
  | AppendEachCommand
  | FillCommand
  | AppendCommand
  | CatchUpCommand
  | ReadRandomCommand
  | TailCommand
  | DeliverCommand
  | FairCommand
  | SubscribeCommand
  | WakeCommand;

/** What the server's process used within the window, and what it held at its end. */
export interface ServerUse {
  readonly cpuMicros: number;
  /**
   * Bytes that the disk wrote meanwhile, for whomever. What the process's own account says is no measure:
   * it counts a whole folio, up to 1 MiB, for one byte changed in it.
   */
  readonly diskWrittenBytes: number | undefined;
  /** Bytes that had to be fetched from the disk for it. */
  readonly fetchedBytes: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly openFiles: number | undefined;
  /** CPU time of the cluster's servers, and what they hold, where there is a cluster. */
  readonly clusterCpuMicros?: number | undefined;
  readonly clusterMemoryBytes?: number | undefined;
}

/** What a timed command measured. */
export interface Measurement {
  /** What the workload counts, within the window: answers, MiB, deliveries. */
  readonly units: number;
  readonly seconds: number;
  /** Undefined where no answer was complete within the window. */
  readonly p50Millis?: number | undefined;
  readonly p99Millis?: number | undefined;
  readonly p999Millis?: number | undefined;
  /** Undefined where the server's process can't be seen. */
  readonly server: ServerUse | undefined;
  /** Share of one core that the generator used, 0 to 1. */
  readonly generatorBusy: number;
  readonly errors: number;
  /** What the first error was. */
  readonly firstError: string | undefined;
  /** Units that were asked for within the window, where the load had a pace. */
  readonly askedUnits?: number;
  /** What only this workload measures, by name and unit. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** The generator's answer: one line of JSON for each command. */
export type Reply =
  | { readonly ok: true; readonly measurement?: Measurement }
  | { readonly ok: false; readonly error: string };
