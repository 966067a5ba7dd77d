import { signal } from "@preact/signals";
import type uPlot from "uplot";
import { PLOTTER_KEY } from "./plotter_key.ts";

/** uPlot, which comes behind the page itself; undefined until then. */
export const plotter = signal<typeof uPlot | undefined>(found());
addEventListener(PLOTTER_KEY, () => plotter.value = found());

function found(): typeof uPlot | undefined {
  return Reflect.get(globalThis, PLOTTER_KEY);
}
