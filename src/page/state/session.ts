import { batch, computed } from "@preact/signals";
import { config } from "../api/config.ts";
import { token, tokenRefusal } from "../api/request.ts";
import { health, hello, history, sample } from "./feed.ts";
import { forgetMarked } from "./marked_streams.ts";

/** Whether the page has no token yet, and has to ask for one before anything else. */
export const needsToken = computed(() => config.access && token.value === undefined);

/** Whether the server takes the page's token no more: what is open waits until there is another. */
export const needsOtherToken = computed(() =>
  token.value !== undefined && tokenRefusal.value !== undefined
);

/** Goes on with another token. It is kept in memory, and nowhere else. */
export function signIn(text: string): void {
  // Together: nothing is asked for with the one before meanwhile.
  batch(() => {
    tokenRefusal.value = undefined;
    token.value = text.trim();
    forgetSaid();
  });
}

/** Forgets the token, and what was known by it: the next one may be somebody else's. */
export function signOut(): void {
  batch(() => {
    tokenRefusal.value = undefined;
    token.value = undefined;
    forgetSaid();
    forgetMarked();
  });
}

/** What the server said was said to the token before. */
function forgetSaid(): void {
  hello.value = undefined;
  history.value = undefined;
  sample.value = undefined;
  health.value = undefined;
}
