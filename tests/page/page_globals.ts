/** What a browser has and the page's modules look at as they are loaded. To be imported before them. */
Object.defineProperty(globalThis, "document", {
  value: { getElementById: () => null },
  configurable: true,
});
Object.defineProperty(globalThis, "location", {
  value: new URL("http://localhost/ui"),
  configurable: true,
});
Object.assign(globalThis, {
  requestAnimationFrame: (draw: () => void) => setTimeout(draw, 0),
  cancelAnimationFrame: clearTimeout,
});

/** Has the page's requests answered by this. */
export function answerFetch(answer: (request: Request) => Promise<Response>): void {
  globalThis.fetch = (input, init) => answer(new Request(input, init));
}
