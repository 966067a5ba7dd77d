import process from "node:process";
import { processCpuMicros } from "../lib/cpu.ts";

/** What was used between two moments. */
export interface Usage {
  readonly seconds: number;
  readonly serverCpuMicros: number | undefined;
  /** Share of one core that this process used, 0 to 1. */
  readonly generatorBusy: number;
}

/** Notes time and CPU at its start, and says at its end what was used since. */
export class Window {
  readonly #serverPid: number | undefined;
  readonly #startMillis = performance.now();
  readonly #serverMicros: number | undefined;
  readonly #own = process.cpuUsage();

  constructor(serverPid: number | undefined) {
    this.#serverPid = serverPid;
    this.#serverMicros = serverPid === undefined ? undefined : processCpuMicros(serverPid);
  }

  /** What was used since this window was made. */
  end(): Usage {
    const own = process.cpuUsage(this.#own);
    const now = this.#serverPid === undefined ? undefined : processCpuMicros(this.#serverPid);
    const seconds = (performance.now() - this.#startMillis) / 1000;
    return {
      seconds,
      serverCpuMicros: now === undefined || this.#serverMicros === undefined
        ? undefined
        : now - this.#serverMicros,
      generatorBusy: (own.user + own.system) / (seconds * 1e6),
    };
  }
}
