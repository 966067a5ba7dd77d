/** How a server is spoken to. */
export type Protocol = "http" | "redis" | "nats";

/** What a peer's command line is made of. */
export interface PeerContext {
  readonly deno: string;
  readonly bun: string;
  /** How large the stream is that readers are given, in bytes. */
  readonly streamBytes: number;
  /** The most that one read is to return, undefined: what the server likes. */
  readonly chunkBytes: number | undefined;
  /** Flags that this project's server gets beside the bench's own. */
  readonly oursArgs: readonly string[];
  /** A free port, for servers that can't be asked to pick one. */
  readonly port: number;
  /** Where the peer's `program` was found. */
  readonly program: string;
  /** The cluster that was started for it; undefined unless the peer has one. */
  readonly cluster: StartedCluster | undefined;
}

/** A cluster of NATS servers that a peer keeps its streams in. */
export interface ClusterConfig {
  readonly servers: 1 | 3;
  /** `always`, or undefined: the servers' default, every two minutes. */
  readonly syncInterval: "always" | undefined;
}

/** Such a cluster, as it runs. */
export interface StartedCluster {
  readonly urls: readonly string[];
  readonly monitorUrls: readonly string[];
  readonly pids: readonly number[];
}

/** A program that isn't part of the bench and may not be there. */
export interface PeerProgram {
  readonly name: string;
  /**
   * Finds it, or installs it into the bench's own folder.
   *
   * @param given what the command line named
   * @throws {Error} saying why it can't be had
   */
  find(given: string | undefined): Promise<string>;
}

/** A server that the bench can start. It listens on 127.0.0.1. */
export interface Peer {
  readonly name: string;
  /** The peer that this one's figures are divided by: the durable ceiling of its own runtime. */
  readonly ceiling: string;
  /** Whether it runs where `--servers` says nothing. */
  readonly byDefault: boolean;
  readonly protocol: Protocol;
  /** Whether it is a handler without an engine: it serves a synthetic stream, and forgets. */
  readonly isHandler?: boolean;
  /** Whether it sends webhooks when streams change. */
  readonly hasWebhooks?: boolean;
  /** Whether it forgets everything when it ends. */
  readonly forgets?: boolean;
  /** Whether it can be told how much one read returns. */
  readonly takesChunkBytes?: boolean;
  /** Whether it is this project's, and takes its flags. */
  readonly takesOursArgs?: boolean;
  /** The cluster of NATS servers that is started before it; its `program` is theirs. */
  readonly cluster?: ClusterConfig;
  /** How many processes of it serve the same streams; 1. */
  readonly frontEnds?: number;
  /** Whether it makes its load in its own process, as cases ask it to. */
  readonly inProcess?: boolean;
  /** Whether the bench's own packages have to be installed for it. */
  readonly needsPackages?: boolean;
  /** The program that has to be there for it. */
  readonly program?: PeerProgram;
  /** Set for a server that runs already and is not started. */
  readonly url?: string;
  /**
   * What its streams' paths begin with, for a server that listens on the port it is given. One without
   * it prints `listening on http://127.0.0.1:PORT/PREFIX`.
   */
  readonly prefix?: string;
  /** How to start it with its data in a directory of its own. */
  command(context: PeerContext, directory: string): readonly string[];
}

/** The absolute path of a file, given relative to the `bench` directory. */
export function benchPath(relative: string): string {
  return new URL(`../${relative}`, import.meta.url).pathname;
}
