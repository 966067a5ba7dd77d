/**
 * How a reader goes on once it has all there is:
 *
 * - `auto`: over SSE; by long-poll where the stream is text, whose line ends SSE doesn't keep, and where
 *   something between client and server holds SSE back or cuts it again and again
 * - `sse`, `long-poll`: always so; line ends of text become `\n` over SSE
 * - `catch-up`: not at all
 */
export type ReadMode = "auto" | "long-poll" | "sse" | "catch-up";
