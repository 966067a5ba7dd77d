import { getLogger } from "@logtape/logtape";
import { configFlags } from "../flags/config_flags.ts";
import type { Flag, FlagTable } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { UsageError } from "../flags/usage_error.ts";

const log = getLogger(["durable-streams", "config"]);

/** A part of the program that takes new settings while it runs. */
export interface Reloadable {
  /** What it is, for the log: `the access log`. */
  readonly name: string;
  /** The settings that it takes. */
  readonly flags?: readonly Flag<unknown>[];
  /** The tables of the configuration that it takes, by name. */
  readonly sections?: readonly string[];
  /** Files that it reads may change by themselves: there is something to reload without a configuration too. */
  readonly readsFiles?: boolean;
  /**
   * Reads and checks what it needs, files that settings name too, and changes nothing. Called at each reload,
   * also where no setting has changed.
   *
   * @param values settings that no part takes are those of the start
   * @throws {Error} what is wrong: nothing is changed then, anywhere
   */
  prepare(values: FlagValues): Prepared | Promise<Prepared>;
}

/** A change that can be made; one of both is called, neither fails. */
export interface Prepared {
  /** Makes it. */
  apply(): void;
  /** It isn't made, since another can't be: closes what was opened for it. */
  abandon?(): void;
}

/**
 * Prepares several changes as one.
 *
 * @throws {Error} that of the first that can't be made; the others are abandoned
 */
export async function prepareTogether(
  prepares: readonly (() => Prepared | Promise<Prepared>)[],
): Promise<Prepared> {
  const changes: Prepared[] = [];
  const abandon = () => {
    for (const change of changes) change.abandon?.();
  };
  try {
    for (const prepare of prepares) changes.push(await prepare());
  } catch (error) {
    abandon();
    throw error;
  }
  return {
    apply() {
      for (const change of changes) change.apply();
    },
    abandon,
  };
}

/** How a {@link Reload} reads the settings. */
export interface ReloadSource {
  readonly flags: FlagTable;
  /** The settings that the program started with. */
  readonly started: FlagValues;
  /**
   * Reads and checks them again.
   *
   * @throws {UsageError} what is wrong
   */
  read(): FlagValues | Promise<FlagValues>;
}

/** What SIGHUP does: everything that can be changes together, or nothing does. */
export class Reload {
  readonly #source: ReloadSource;
  readonly #parts: Reloadable[] = [];
  #isStarted = false;
  #isWanted = false;
  #running: Promise<void> | undefined;
  /** The settings that apply now. */
  #values: FlagValues;

  constructor(source: ReloadSource) {
    this.#source = source;
    this.#values = source.started;
  }

  /** Whether anything can have changed: a configuration is given, or a part reads files. */
  get isUseful(): boolean {
    return this.#source.started.given(configFlags.config) !== undefined ||
      this.#parts.some(({ readsFiles = false }) => readsFiles);
  }

  /** Registers a part that takes new settings. */
  onReload(part: Reloadable): void {
    this.#parts.push(part);
  }

  /** The program is up: reloads that were asked for before begin now. */
  start(): void {
    this.#isStarted = true;
    if (this.#isWanted) void this.request();
  }

  /** Asks for a reload; one that is under way is followed by another. Resolves once there is none. */
  request(): Promise<void> {
    this.#isWanted = true;
    if (!this.#isStarted) return Promise.resolve();
    return this.#running ??= this.#run().finally(() => this.#running = undefined);
  }

  async #run(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      await this.#reload();
    }
  }

  async #reload(): Promise<void> {
    let values: FlagValues;
    let change: Prepared;
    try {
      values = await this.#source.read();
      const effective = this.#effective(values);
      change = await prepareTogether(
        this.#parts.map((part) => () => prepared(part, effective)),
      );
    } catch (error) {
      for (const line of messageOf(error).split("\n")) {
        log.error(`not reloaded, all settings stay as they were: ${line}`);
      }
      return;
    }
    const before = this.#values;
    this.#values = values;
    change.apply();
    log.info("reloaded", { changed: this.#changed(before, values, (taken) => taken) });
    const fixed = this.#changed(this.#source.started, values, (taken) => !taken);
    if (fixed.length > 0) log.warn(`needs a restart: ${fixed.join(", ")}`);
  }

  get #takenFlags(): ReadonlySet<string> {
    return new Set(this.#parts.flatMap(({ flags = [] }) => flags.map(({ name }) => name)));
  }

  get #takenSections(): ReadonlySet<string> {
    return new Set(this.#parts.flatMap(({ sections = [] }) => sections));
  }

  /** What applies once these were taken. */
  #effective(values: FlagValues): FlagValues {
    const { started } = this.#source;
    const taken = this.#takenFlags;
    const from = ({ name }: Flag<unknown>) => taken.has(name) ? values : started;
    const extra = { ...started.extra };
    for (const name of this.#takenSections) {
      delete extra[name];
      if (name in values.extra) extra[name] = values.extra[name];
    }
    return { get: (flag) => from(flag).get(flag), given: (flag) => from(flag).given(flag), extra };
  }

  /** The names of settings that differ, of those that are taken or of those that aren't. */
  #changed(
    before: FlagValues,
    after: FlagValues,
    wanted: (isTaken: boolean) => boolean,
  ): readonly string[] {
    const taken = this.#takenFlags;
    const takenSections = this.#takenSections;
    const flags = Object.values(this.#source.flags)
      .filter((flag) => wanted(taken.has(flag.name)) && differs(before.get(flag), after.get(flag)));
    const sections = [...new Set([...Object.keys(before.extra), ...Object.keys(after.extra)])]
      .filter((name) =>
        wanted(takenSections.has(name)) && differs(before.extra[name], after.extra[name])
      );
    return [...flags.map(({ name }) => name), ...sections];
  }
}

async function prepared(part: Reloadable, values: FlagValues): Promise<Prepared> {
  try {
    return await part.prepare(values);
  } catch (error) {
    throw error instanceof UsageError ? error : new Error(`${part.name}: ${messageOf(error)}`);
  }
}

function differs(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
