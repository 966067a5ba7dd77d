import { signal } from "@preact/signals";

const TICK_MS = 1_000;

/** Milliseconds since 1970, told anew each second as long as the page is in front. */
export const now = signal(Date.now());

setInterval(() => {
  if (document.visibilityState === "visible") now.value = Date.now();
}, TICK_MS);
