import { type Signal, signal } from "@preact/signals";
import { type ApiError, asApiError, isAbort } from "../../api/request.ts";
import { type ListedFolder, type ListedStream, listStreams } from "../../api/streams.ts";

/** So many rows a request brings. */
const PAGE = 100;
/** The server gives no more at once. */
const LIMIT = 1_000;

/** What was found, and how to go on. */
export interface Findings {
  /** What was looked for. */
  readonly query: string;
  readonly folders: readonly ListedFolder[];
  readonly streams: readonly ListedStream[];
  /** Where to go on: absent at the end. */
  readonly next: string | undefined;
  /** How many names a search has looked at. */
  readonly scanned: number;
  /** False of a search as long as only the names that begin with it are there. */
  readonly isWhole: boolean;
}

const NONE: Findings = {
  query: "",
  folders: [],
  streams: [],
  next: undefined,
  scanned: 0,
  isWhole: true,
};

/** Finds streams: a folder's, or those whose names have what is typed. */
export class Finder {
  readonly found: Signal<Findings | undefined> = signal(undefined);
  /** Why nothing could be found. */
  readonly problem: Signal<ApiError | undefined> = signal(undefined);
  /** Why there was no more to be had; what was found before stays. */
  readonly moreProblem: Signal<ApiError | undefined> = signal(undefined);
  readonly isBusy = signal(false);
  #prefix = "";
  #query = "";
  /** Whether more was looked at than the first page of a search. */
  #isFurther = false;
  #run: AbortController | undefined;

  /** Shows a folder, or what is found in it. What is on the screen stays until the answer comes. */
  async find(prefix: string, query: string): Promise<void> {
    const isAgain = prefix === this.#prefix && query === this.#query;
    // A search that somebody took further would be at its beginning again whenever streams come or go.
    const isGood = this.problem.value === undefined;
    if (isAgain && query !== "" && this.#isFurther && isGood) return;
    this.#isFurther = false;
    if (prefix !== this.#prefix) this.found.value = undefined;
    this.#prefix = prefix;
    this.#query = query;
    await this.#load(query === "" ? this.#level : this.#search, this.problem);
  }

  /** Loads what comes next. */
  async more(): Promise<void> {
    const before = this.found.value;
    if (before?.next === undefined || this.isBusy.value) return;
    const after = before.next;
    await this.#load(async (signal) => {
      const { folders, streams, next, scanned } = this.#query === ""
        ? await this.#page({ delimiter: "/", after }, signal)
        : await this.#page({ q: this.#query, after }, signal);
      this.#isFurther = true;
      return {
        folders: distinct([...before.folders, ...folders]),
        streams: distinct([...before.streams, ...streams]),
        next,
        scanned: before.scanned + scanned,
        query: before.query,
        isWhole: true,
      };
    }, this.moreProblem);
  }

  /** Lets go of a request that is on its way. */
  close(): void {
    this.#run?.abort();
  }

  async #load(
    load: (signal: AbortSignal) => Promise<Findings>,
    problem: Signal<ApiError | undefined>,
  ): Promise<void> {
    this.#run?.abort();
    const run = new AbortController();
    this.#run = run;
    this.isBusy.value = true;
    try {
      const found = await load(run.signal);
      if (run.signal.aborted) return;
      this.found.value = found;
      this.problem.value = undefined;
      this.moreProblem.value = undefined;
    } catch (error) {
      if (isAbort(error) || run.signal.aborted) return;
      problem.value = asApiError(error);
    } finally {
      if (this.#run === run) this.isBusy.value = false;
    }
  }

  /** As many rows as are on the screen, so that what changes elsewhere takes none of them away. */
  readonly #level = (signal: AbortSignal) => {
    const { folders, streams } = this.found.value ?? NONE;
    const limit = Math.min(LIMIT, Math.max(PAGE, folders.length + streams.length));
    return this.#page({ delimiter: "/", limit }, signal);
  };

  /** Names that begin with what is typed come first, and are shown first: they cost one look-up among however many. */
  readonly #search = async (signal: AbortSignal): Promise<Findings> => {
    const begin = await this.#page({ prefix: this.#prefix + this.#query, limit: 20 }, signal);
    if (begin.streams.length > 0 && !signal.aborted && this.found.value?.query !== this.#query) {
      this.found.value = { ...begin, next: undefined, isWhole: false };
    }
    const have = await this.#page({ q: this.#query }, signal);
    return { ...have, streams: distinct([...begin.streams, ...have.streams]) };
  };

  async #page(
    query: { prefix?: string; delimiter?: string; q?: string; after?: string; limit?: number },
    signal: AbortSignal,
  ): Promise<Findings> {
    const page = await listStreams({ prefix: this.#prefix, limit: PAGE, ...query }, signal);
    const { folders = [], streams, next, scanned = streams.length } = page;
    return { ...NONE, query: this.#query, folders, streams, next, scanned };
  }
}

function distinct<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.name, item])).values()];
}
