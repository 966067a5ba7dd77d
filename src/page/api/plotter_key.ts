/** Where the script that brings uPlot leaves it, and the event that says so. */
export const PLOTTER_KEY = "durableStreamsPlotter";
