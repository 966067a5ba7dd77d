/** What a peer's command line is made of. */
export interface PeerContext {
  readonly deno: string;
  readonly bun: string;
  /** How large the stream is that readers are given, in bytes. */
  readonly streamBytes: number;
}

/** A server that the bench can start. It prints `listening on http://127.0.0.1:PORT/PREFIX`. */
export interface Peer {
  readonly name: string;
  /** The peer that this one's figures are divided by: the durable ceiling of its own runtime. */
  readonly ceiling: string;
  /** Whether the bench's own packages have to be installed for it. */
  readonly needsPackages?: boolean;
  /** Set for a server that runs already and is not started. */
  readonly url?: string;
  /** How to start it with its data in a directory of its own. */
  command(context: PeerContext, directory: string): readonly string[];
}

/** The absolute path of a file, given relative to the `bench` directory. */
export function benchPath(relative: string): string {
  return new URL(`../${relative}`, import.meta.url).pathname;
}
