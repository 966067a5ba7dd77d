import { type Point, SERIES, type Series } from "./point.ts";

/** Points as JSON has them: of each series a list as long as that of the times. */
export interface History {
  readonly t: readonly number[];
  readonly series: Readonly<Record<Series, readonly (number | null)[]>>;
}

/** The newest points, as many as there is room for: all memory is taken at the beginning. */
export class Ring {
  readonly #capacity: number;
  readonly #times: Float64Array;
  /** One series after the other; what isn't known is no number. */
  readonly #values: Float64Array;
  #count = 0;

  /** @param capacity how many points it keeps */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#times = new Float64Array(capacity);
    this.#values = new Float64Array(capacity * SERIES.length);
  }

  /** The memory that it takes. */
  get bytes(): number {
    return this.#times.byteLength + this.#values.byteLength;
  }

  /** Adds a point; the oldest goes where there is no room. */
  add({ t, values }: Point): void {
    const place = this.#count % this.#capacity;
    this.#times[place] = t;
    for (const [i, name] of SERIES.entries()) {
      this.#values[i * this.#capacity + place] = values[name] ?? NaN;
    }
    this.#count++;
  }

  /** The points that are later than `sinceMs`, oldest first. */
  history(sinceMs: number): History {
    const kept = Math.min(this.#count, this.#capacity);
    const places = Array.from(
      { length: kept },
      (_, i) => (this.#count - kept + i) % this.#capacity,
    ).filter((place) => (this.#times[place] ?? 0) > sinceMs);
    const list = (name: Series) => {
      const first = SERIES.indexOf(name) * this.#capacity;
      return places.map((place) => {
        const value = this.#values[first + place] ?? NaN;
        return Number.isNaN(value) ? null : value;
      });
    };
    return {
      t: places.map((place) => this.#times[place] ?? 0),
      series: {
        appends: list("appends"),
        bytes: list("bytes"),
        syncP50Ms: list("syncP50Ms"),
        syncP99Ms: list("syncP99Ms"),
        readers: list("readers"),
        connections: list("connections"),
        logBytes: list("logBytes"),
        memoryBytes: list("memoryBytes"),
        checkpointMs: list("checkpointMs"),
        errors: list("errors"),
        failures: list("failures"),
      },
    };
  }
}
