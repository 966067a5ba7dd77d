import { signal } from "@preact/signals";
import { goTo, type Route } from "../state/route.ts";
import { keyTarget } from "../state/key_target.ts";

/** Whether the list of keys is open. */
export const isHelpOpen = signal(false);

/** Where `g` and then this goes. */
const PLACES: Readonly<Record<string, Route>> = {
  s: { view: "streams", prefix: "" },
  u: { view: "subscriptions" },
  v: { view: "server" },
};

/** So long after `g` the second key counts. */
const SEQUENCE_MS = 1_000;

/** What each key does, as the help says it. */
export const KEYS: readonly (readonly [string, string])[] = [
  ["/", "Search"],
  ["j  k", "Next, previous row or message"],
  ["Enter", "Open the row, or what was found first"],
  ["Esc", "Close what is open, leave a field"],
  ["f", "Follow or pause a stream"],
  ["n  N", "Next, previous match of the search"],
  ["Home  End", "The stream's start, its end"],
  ["g s", "Streams"],
  ["g u", "Subscriptions"],
  ["g v", "Server"],
  ["?", "This list"],
];

let leaderAt = -Infinity;

/** Listens to the page's keys. */
export function startKeyboard(): void {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") !== null) return;
    if (press(event)) event.preventDefault();
  });
}

/** Does what a key is for; false where it is for nothing here. */
function press(event: KeyboardEvent): boolean {
  const { key, target } = event;
  if (key === "Escape") return escape(target);
  if (isField(target)) return false;
  const isSecond = performance.now() - leaderAt < SEQUENCE_MS;
  leaderAt = -Infinity;
  const place = isSecond ? PLACES[key] : undefined;
  if (place !== undefined) {
    goTo(place);
    return true;
  }
  switch (key) {
    case "g":
      leaderAt = performance.now();
      return true;
    case "/":
      return focus("[data-search]");
    case "?":
      isHelpOpen.value = true;
      return true;
    case "f":
      return click("[data-follow]");
    case "n":
      return click("[data-next-match]");
    case "N":
      return click("[data-previous-match]");
    case "Home":
      return click("[data-start]");
    case "End":
      return click("[data-follow][aria-pressed=false]");
  }
  return move(key, target);
}

function move(key: string, target: EventTarget | null): boolean {
  const isInList = target instanceof Element && target.matches("[data-messages]");
  const steps: Readonly<Record<string, number>> = {
    j: 1,
    k: -1,
    ...(isInList && { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 }),
  };
  const step = steps[key];
  const list = keyTarget();
  if (list === undefined) return false;
  if (key === "Enter") return list.open();
  if (step === undefined) return false;
  list.move(step);
  return true;
}

function escape(target: EventTarget | null): boolean {
  if (isField(target) && target instanceof HTMLElement) {
    target.blur();
    return true;
  }
  return click("[data-close-side]") || (keyTarget()?.escape() ?? false);
}

function isField(target: EventTarget | null): boolean {
  return target instanceof Element &&
    target.matches("input, textarea, select, [contenteditable]");
}

function focus(selector: string): boolean {
  const element = document.querySelector<HTMLInputElement>(selector);
  element?.focus();
  element?.select?.();
  return element !== null;
}

function click(selector: string): boolean {
  const element = document.querySelector<HTMLElement>(selector);
  element?.click();
  return element !== null;
}
