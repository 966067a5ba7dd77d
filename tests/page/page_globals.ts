/** What a browser has and the page's modules look at as they are loaded. To be imported before them. */
let config: unknown = {};
Object.defineProperty(globalThis, "document", {
  value: { getElementById: () => ({ textContent: JSON.stringify(config) }) },
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

/** What the document says to the page: before its modules are loaded. */
export function configure(given: { readonly access: boolean }): void {
  config = given;
}

/** Has the page's requests answered by this. */
export function answerFetch(answer: (request: Request) => Promise<Response>): void {
  globalThis.fetch = (input, init) => answer(new Request(input, init));
}
