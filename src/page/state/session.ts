import { computed } from "@preact/signals";
import { config } from "../api/config.ts";
import { token, tokenRefusal } from "../api/request.ts";

/** Whether the page has to ask for a token before anything else. */
export const needsToken = computed(() =>
  (config.access && token.value === undefined) || tokenRefusal.value !== undefined
);

/** Goes on with another token. */
export function signIn(text: string): void {
  tokenRefusal.value = undefined;
  token.value = text.trim();
}

/** Forgets the token. */
export function signOut(): void {
  token.value = undefined;
}
