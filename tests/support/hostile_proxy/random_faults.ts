import type { Fault, FaultKind } from "./fault.ts";
import type { ProxyRequest } from "./exchange_log.ts";
import { Random } from "../random.ts";

/** How often each kind of fault comes, relative to the others; 0 for never. */
export type FaultWeights = Readonly<Partial<Record<FaultKind, number>>>;

/** What random faults are drawn from. */
export interface RandomFaultOptions {
  /** Those that aren't named are as in {@link DEFAULT_WEIGHTS}. */
  readonly weights?: FaultWeights;
  /** After so many faults in a row a request of the same key passes; 3. */
  readonly maxConsecutive?: number;
  /** After so many faults of one key all its requests pass; 100. */
  readonly maxPerKey?: number;
  /** Whose faults are counted and drawn together: method and path. */
  readonly keyOf?: (request: ProxyRequest) => string;
  /** The longest delay in ms; 10. */
  readonly maxDelayMs?: number;
  /** The most bytes of a body that pass before it is cut or ended; 300. */
  readonly maxBodyBytes?: number;
}

/**
 * What a client that retries gets through. Not in it are those that it can't see through (`end-body` of
 * plain bytes, `strip-headers`), those that need a time-out of its own (`hang`, `buffer` before SSE), and
 * `cache`, which is a place and not an accident.
 */
export const DEFAULT_WEIGHTS: readonly (readonly [FaultKind, number])[] = [
  ["pass", 6],
  ["refuse", 1],
  ["drop-answer", 2],
  ["status", 2],
  ["status-after", 1],
  ["cut-body", 2],
  ["end-body", 0],
  ["delay", 1],
  ["duplicate", 1],
  ["buffer", 0],
  ["strip-headers", 0],
  ["cache", 0],
  ["reorder", 1],
  ["hang", 0],
];

const STATUSES = [429, 500, 502, 503, 504] as const;
const KEPT_IN_HISTORY = 40;

interface KeyFaults {
  readonly random: Random;
  consecutive: number;
  total: number;
}

/** Faults drawn by a seed. What one key meets doesn't depend on when the others' requests come. */
export class RandomFaults {
  readonly seed: number;
  readonly #options: RandomFaultOptions;
  readonly #weights: readonly (readonly [FaultKind, number])[];
  readonly #lines = new Map<string, KeyFaults>();
  readonly #history: string[] = [];

  /** For {@link randomFaults}. Throws a RangeError where no kind of fault can be drawn. */
  constructor(seed: number, options: RandomFaultOptions) {
    this.seed = seed;
    this.#options = options;
    this.#weights = DEFAULT_WEIGHTS
      .map(([kind, weight]) => [kind, options.weights?.[kind] ?? weight] as const)
      .filter(([, weight]) => weight > 0);
    if (this.#weights.length === 0) {
      throw new RangeError("Every weight is 0: at least one kind of fault needs more.");
    }
  }

  /** For {@link HostileProxy}. */
  readonly decide = (request: ProxyRequest): Fault => {
    const { keyOf = byMethodAndPath, maxConsecutive = 3, maxPerKey = 100 } = this.#options;
    const key = keyOf(request);
    const line = this.#lines.get(key) ?? this.#begin(key);
    const drawn = this.#draw(line.random);
    const mayFail = line.consecutive < maxConsecutive && line.total < maxPerKey;
    const fault: Fault = mayFail ? drawn : { kind: "pass" };
    line.consecutive = fault.kind === "pass" ? 0 : line.consecutive + 1;
    if (fault.kind !== "pass") line.total++;
    this.#history.push(`${key}: ${JSON.stringify(fault)}`);
    if (this.#history.length > KEPT_IN_HISTORY) this.#history.shift();
    return fault;
  };

  /** Runs a test; where it fails, the error names the seed and the last faults. */
  async run<T>(test: () => Promise<T>): Promise<T> {
    try {
      return await test();
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      const faults = this.#history.map((fault) => `  ${fault}`).join("\n");
      throw new Error(
        `With the random faults of seed ${this.seed}: ${message}\nThe last ones were\n${faults}`,
        { cause },
      );
    }
  }

  #begin(key: string): KeyFaults {
    const line = { random: new Random(this.seed ^ hash(key)), consecutive: 0, total: 0 };
    this.#lines.set(key, line);
    return line;
  }

  #draw(random: Random): Fault {
    const { maxDelayMs = 10, maxBodyBytes = 300 } = this.#options;
    const kind = this.#drawKind(random);
    switch (kind) {
      case "status":
        return ownResponse(kind, random.pick(STATUSES), random.chance(0.5));
      case "status-after":
        return ownResponse(kind, random.pick([502, 504]), false);
      case "cut-body":
      case "end-body":
        return { kind, afterBytes: random.between(0, maxBodyBytes) };
      case "delay":
        return {
          kind,
          requestMs: random.between(0, maxDelayMs),
          responseMs: random.between(0, maxDelayMs),
          bytesPerPiece: random.between(1, 64),
        };
      case "duplicate":
        return { kind, answer: random.pick(["first", "second"]) };
      case "buffer":
        return { kind, untilBytes: random.between(1, maxBodyBytes) };
      case "strip-headers":
        return { kind, names: random.pick([["etag"], ["cache-control"], ["content-length"]]) };
      case "reorder":
        return { kind, limitMs: maxDelayMs };
      case "hang":
        return { kind, isForwarded: random.chance(0.5) };
      default:
        return { kind };
    }
  }

  #drawKind(random: Random): FaultKind {
    let at = random.next() * this.#weights.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [kind, weight] of this.#weights) {
      if (at < weight) return kind;
      at -= weight;
    }
    return "pass";
  }
}

/** Faults for a hostile proxy, drawn by a seed; a client that retries gets through in the end. */
export function randomFaults(seed: number, options: RandomFaultOptions = {}): RandomFaults {
  return new RandomFaults(seed, options);
}

function ownResponse(kind: "status" | "status-after", status: number, isTimed: boolean): Fault {
  return isTimed ? { kind, status, headers: { "retry-after": "0" } } : { kind, status };
}

function byMethodAndPath({ method, path }: ProxyRequest): string {
  return `${method} ${path}`;
}

/** FNV-1a, so that keys draw apart. */
function hash(text: string): number {
  let value = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x0100_0193);
  }
  return value >>> 0;
}
