import { effect, signal } from "@preact/signals";
import { history, sample } from "../../state/feed.ts";
import { type FigureWindow, NO_FIGURES, windowOf, withSample } from "./window.ts";

/** The server's figures up to now. */
export const figures = signal<FigureWindow>(NO_FIGURES);

effect(() => {
  const said = history.value;
  if (said !== undefined) figures.value = windowOf(said);
});

effect(() => {
  const said = sample.value;
  if (said !== undefined) figures.value = withSample(figures.peek(), said);
});
