import uPlot from "uplot";
import { PLOTTER_KEY } from "./api/plotter_key.ts";

/**
 * A script of its own, behind the page's in the document: what draws charts isn't needed for the first paint.
 */
Reflect.set(globalThis, PLOTTER_KEY, uPlot);
dispatchEvent(new Event(PLOTTER_KEY));
