/**
 * The library that draws charts, as a script of its own: it weighs as much as half of the page, and is
 * fetched when the first chart is shown.
 */
import uPlot from "uplot";

Object.assign(globalThis, { chartLibrary: uPlot });
