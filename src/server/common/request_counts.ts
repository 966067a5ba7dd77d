/** The methods that are told apart; all others are `other`. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "other"] as const;
/** 1xx to 5xx, and one place that stays empty. */
const CLASSES = 6;

/** Counts requests by method and by the first digit of the status: a number in an array for each pair. */
export class RequestCounts {
  readonly #counts = new Array<number>(METHODS.length * CLASSES).fill(0);

  /** Counts one more. */
  add(method: string, status: number): void {
    const place = indexOf(method) * CLASSES + Math.floor(status / 100);
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  /** The pairs that occur, `["POST", "2xx"]`, each with its count. */
  entries(): { readonly labels: readonly [string, string]; readonly count: number }[] {
    return METHODS.flatMap((method, i) =>
      [2, 3, 4, 5].map((digit) => ({
        labels: [method, `${digit}xx`] as const,
        count: this.#counts[i * CLASSES + digit] ?? 0,
      }))
    );
  }
}

function indexOf(method: string): number {
  switch (method) {
    case "POST":
      return 2;
    case "GET":
      return 0;
    case "HEAD":
      return 1;
    case "PUT":
      return 3;
    case "DELETE":
      return 4;
    case "OPTIONS":
      return 5;
    case "PATCH":
      return 6;
    default:
      return 7;
  }
}
