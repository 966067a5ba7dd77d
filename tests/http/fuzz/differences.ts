/** What both made of the same bytes, where it isn't the same. */
export interface Difference {
  /** What a client sent, each character a byte. */
  readonly sent: string;
  /** What is said to the client where this project's server refuses; empty where it doesn't. */
  readonly ours: string;
  /** Why the peer refuses; empty where it doesn't. */
  readonly theirs: string;
  /** Whether the peer is in the middle of a body, and waits for more of it. */
  readonly isInBody: boolean;
}

/** A difference that is meant. */
interface Known {
  readonly why: string;
  matches(difference: Difference): boolean;
}

/**
 * Every difference to h11 that is meant, nearly all of them refusals of what could be read in two ways.
 * Whatever else one takes and the other doesn't, and whatever both take and understand differently, fails.
 */
export const KNOWN: readonly Known[] = [
  {
    why: "h11 takes a bare LF for a line's end; who doesn't sees other lines",
    matches: ({ sent, ours }) => ours !== "" && /(?<!\r)\n/.test(sent),
  },
  {
    why:
      "h11 takes a line that goes on with the one before, which RFC 9112 §5.2 lets a server refuse",
    matches: ({ sent, ours }) => /header line is malformed/.test(ours) && /\n[ \t]/.test(sent),
  },
  {
    why: "h11 doesn't look at a target or a Host as a URL",
    matches: ({ ours }) => /target|The Host is not/.test(ours),
  },
  {
    why: "h11 takes the same length twice for one",
    matches: ({ ours }) => /more than one content-length|Content-Length is not/.test(ours),
  },
  {
    why: "h11 reads HTTP/1.x of any x, and the encodings and expectations of HTTP/1.0",
    matches: ({ ours }) => /is not spoken here|HTTP\/1\.0 has no Transfer-Encoding/.test(ours),
  },
  {
    why: "h11 leaves it to the program what is expected, and takes a length beside chunks",
    matches: ({ ours }) => /The only Expect|both Content-Length and Transfer-Encoding/.test(ours),
  },
  {
    why: "h11 doesn't mind framing in trailers",
    matches: ({ ours }) => /may not come after the body/.test(ours),
  },
  {
    why:
      "h11 takes no empty line before a request, of which RFC 9112 §2.2 wants at least one taken",
    matches: ({ theirs }) => theirs === "no request line received",
  },
  {
    why: "h11 takes any byte in a chunk's extension",
    matches: ({ sent, ours }) =>
      /chunk of the body is malformed/.test(ours) && /;[^\r\n]*(?:[\0\x7f]|\r(?!\n))/.test(sent),
  },
  {
    why: "h11 doesn't keep a connection of HTTP/1.0 open, whatever its client asks for",
    matches: ({ sent, theirs }) =>
      theirs === "" && /HTTP\/1\.0/.test(sent) && /keep-alive/.test(sent),
  },
  {
    why: "h11 takes a DEL in a value",
    matches: ({ sent, ours }) => /header line is malformed/.test(ours) && sent.includes("\x7f"),
  },
  {
    why: "h11 refuses a CR at the end of what has come, whose LF may follow",
    matches: ({ sent, ours, theirs }) =>
      ours === "" && theirs === "illegal request line" && sent.endsWith("\r"),
  },
  {
    why: "h11 takes ASCII alone in a target; this server encodes what is past it, as browsers do",
    matches: ({ sent, theirs }) =>
      /^illegal request line: .*\\x[89a-f]/.test(theirs) && /[\x80-\xff]/.test(sent),
  },
  {
    why: "h11 takes no blank before a chunk's extension, which RFC 9112 §7.1.1 lets be there",
    matches: ({ theirs }) => /^illegal chunk header: .*[0-9a-f](?: |\\t)+;/i.test(theirs),
  },
  {
    why: "h11 takes a blank after a chunk's size, and sizes of 20 digits",
    matches: ({ sent, ours }) =>
      /chunk of the body is malformed/.test(ours) &&
      /(?:[0-9a-f][ \t]+\r|[0-9a-f]{13,20}(?:;|\r))/i.test(sent),
  },
  {
    why: "what can't become a chunk is refused before its line has ended; h11 waits for more",
    matches: ({ ours, isInBody }) => isInBody && /chunk of the body is malformed/.test(ours),
  },
  {
    why: "what can't become a request is refused before its head has ended; h11 waits for more",
    matches: ({ ours, theirs }) => theirs === "" && /first line is not/.test(ours),
  },
];
