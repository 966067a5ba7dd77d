/** What a client sends, each character a byte, and what it is answered: `200 METHOD URL BODY`, or a status. */
export type Case = readonly [what: string, sent: string, ...answers: readonly string[]];

const H = "Host: h\r\n";
const GET = `GET / HTTP/1.1\r\n${H}\r\n`;
const OK = "200 GET http://h/ ";
const chunked = (body: string) =>
  `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n${body}`;
const post = (headers: string, body = "") => `POST / HTTP/1.1\r\n${H}${headers}\r\n${body}`;
const line = (first: string) => `${first}\r\n${H}\r\n`;
const field = (lines: string) => `GET / HTTP/1.1\r\n${H}${lines}\r\n\r\n`;
const host = (value: string) => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`;

/** First lines. */
const LINES: readonly Case[] = [
  ["the least", GET, OK],
  [
    "every token character is a method's",
    line("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1"),
    "200 !#$%&'*+-.^_`|~09azAZ http://h/ ",
  ],
  ["methods in lower case are others", line("get / HTTP/1.1"), "200 get http://h/ "],
  ["a method that nobody knows", line("PROPFIND /x HTTP/1.1"), "200 PROPFIND http://h/x "],
  ["no method", line(" / HTTP/1.1"), "400"],
  ["a method with a control", line("GE\x01T / HTTP/1.1"), "400"],
  ["a method with a separator", line("G(T / HTTP/1.1"), "400"],
  ["a tab for a space", line("GET\t/ HTTP/1.1"), "400"],
  ["two spaces before the target", line("GET  / HTTP/1.1"), "400"],
  ["two spaces after the target", line("GET /  HTTP/1.1"), "400"],
  ["a space at the end", line("GET / HTTP/1.1 "), "400"],
  ["no version", line("GET /"), "400"],
  ["no target", line("GET HTTP/1.1"), "400"],
  ["a target with a space", line("GET /a b HTTP/1.1"), "400"],
  ["a target with a NUL", line("GET /\0 HTTP/1.1"), "400"],
  ["a target with a CR", line("GET /\r HTTP/1.1"), "400"],
  ["a target of bytes past ASCII", line("GET /\xe9 HTTP/1.1"), "200 GET http://h/%C3%A9 "],
  ["a path without its slash", line("GET a HTTP/1.1"), "400"],
  ["the whole server", line("OPTIONS * HTTP/1.1"), "200 OPTIONS http://h/* "],
  ["a host and a port", line("CONNECT h:80 HTTP/1.1"), "400"],
  ["a whole URL", line("GET http://h/a?b HTTP/1.1"), "200 GET http://h/a?b "],
  ["a whole URL of another host", line("GET http://other/ HTTP/1.1"), "400"],
  ["a whole URL with a user", line("GET http://u@h/ HTTP/1.1"), "400"],
  ["a whole URL of another scheme", line("GET ftp://h/ HTTP/1.1"), "400"],
  ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "200 GET http://localhost/ ", "closed"],
  [
    "HTTP/1.0 that stays",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "200 GET http://localhost/ ",
  ],
  ["HTTP/0.9", "GET /\r\n\r\n", "400"],
  ["HTTP/0.9 by name", line("GET / HTTP/0.9"), "505"],
  ["HTTP/1.2", line("GET / HTTP/1.2"), "505"],
  ["HTTP/2", line("PRI * HTTP/2.0"), "505"],
  ["a version in lower case", line("GET / http/1.1"), "400"],
  ["a version with two digits", line("GET / HTTP/1.10"), "400"],
  ["a version without a dot", line("GET / HTTP/11"), "400"],
  ["a version with a comma", line("GET / HTTP/1,1"), "400"],
  ["another protocol", line("GET / FTP/1.1"), "400"],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"],
  ["an answer", "HTTP/1.1 200 OK\r\n\r\n", "400"],
  ["a proxy's line", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + GET, "400"],
];

/** Lines' ends, and what is between requests. */
const ENDS: readonly Case[] = [
  ["an empty line before", "\r\n" + GET, OK],
  ["three empty lines before", "\r\n\r\n\r\n" + GET, OK],
  ["a bare LF before", "\n" + GET, "400"],
  ["a bare CR before", "\r" + GET, "400"],
  ["a space before", " " + GET, "400"],
  ["LF for the first line's end", `GET / HTTP/1.1\n${H}\r\n`, "400"],
  ["CR for the first line's end", `GET / HTTP/1.1\r${H}\r\n`, "400"],
  ["LF for a field's end", "GET / HTTP/1.1\r\nHost: h\nX: 1\r\n\r\n", "400"],
  ["CR for a field's end", "GET / HTTP/1.1\r\nHost: h\rX: 1\r\n\r\n", "400"],
  ["LF for the last line's end", "GET / HTTP/1.1\r\nHost: h\n\r\n", "400"],
  ["LF in a head that doesn't end", "GET / HTTP/1.1\r\nHost: h\n", "400"],
  ["CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", "400"],
  ["two requests together", GET + GET, OK, OK],
  ["two with an empty line between", GET + "\r\n" + GET, OK, OK],
  [
    "a body of a GET isn't the next request",
    `GET / HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nGET` + GET,
    "200 GET http://h/ GET",
    OK,
  ],
  ["nothing after close", field("Connection: close") + GET, OK, "closed"],
  ["close in a list", field("Connection: x, Close") + GET, OK, "closed"],
  ["nothing after a refusal", "nonsense\r\n\r\n" + GET, "400"],
];

/** Fields. */
const FIELDS: readonly Case[] = [
  ["no blank after the colon", "GET / HTTP/1.1\r\nHost:h\r\n\r\n", OK],
  ["blanks around a value", "GET / HTTP/1.1\r\nHost: \t h \t \r\n\r\n", OK],
  ["an empty value", field("X:"), OK],
  ["a value past ASCII", field("X: \xff\x80"), OK],
  ["a colon in a value", field("X: a:b"), OK],
  ["a name of every token character", field("!#$%&'*+-.^_`|~09azAZ: 1"), OK],
  ["an empty name", field(": 1"), "400"],
  ["no colon", field("X"), "400"],
  ["a blank before the colon", field("X : 1"), "400"],
  ["a tab before the colon", field("X\t: 1"), "400"],
  ["a blank in a name", field("X Y: 1"), "400"],
  ["a name past ASCII", field("\xe9: 1"), "400"],
  ["a name in quotes", field('"X": 1'), "400"],
  ["a NUL in a value", field("X: a\0b"), "400"],
  ["an escape in a value", field("X: a\x1bb"), "400"],
  ["a DEL in a value", field("X: a\x7fb"), "400"],
  ["a line that goes on with a space", field("X: 1\r\n 2"), "400"],
  ["a line that goes on with a tab", field("X: 1\r\n\t2"), "400"],
  ["a first field that goes on", "GET / HTTP/1.1\r\n X: 1\r\nHost: h\r\n\r\n", "400"],
  ["a line of a blank", field("X: 1\r\n "), "400"],
  ["100 fields", field(Array.from({ length: 99 }, (_, i) => `X${i}: 1`).join("\r\n")), OK],
  ["101 fields", field(Array.from({ length: 100 }, (_, i) => `X${i}: 1`).join("\r\n")), "431"],
];

/** Whom a request is for. */
const HOSTS: readonly Case[] = [
  ["no Host", "GET / HTTP/1.1\r\n\r\n", "400"],
  ["two Hosts", `GET / HTTP/1.1\r\n${H}${H}\r\n`, "400"],
  ["an empty Host", host(""), "400"],
  ["a Host with a port", host("h:8080"), "200 GET http://h:8080/ "],
  ["an IPv6 address", host("[::1]:80"), "200 GET http://[::1]/ "],
  ["an IPv6 address without brackets", host("::1"), "400"],
  ["a port that is none", host("h:x"), "400"],
  ["a port past all", host("h:65536"), "400"],
  ["two words", host("a b"), "400"],
  ["a list", host("a,b"), "400"],
  ["a user", host("u@h"), "400"],
  ["a path", host("h/x"), "400"],
  ["a backslash", host("h\\x"), "400"],
  ["a query", host("h?x"), "400"],
  ["a percent", host("h%2f"), "400"],
];

/** Where a body ends. */
const LENGTHS: readonly Case[] = [
  ["a length", post("Content-Length: 2\r\n", "ab"), "200 POST http://h/ ab"],
  ["a length of 0", post("Content-Length: 0\r\n") + GET, "200 POST http://h/ ", OK],
  ["a length with zeros before", post("Content-Length: 002\r\n", "ab"), "200 POST http://h/ ab"],
  ["no length", post("") + GET, "200 POST http://h/ ", OK],
  ["a body that is too short", post("Content-Length: 3\r\n", "ab")],
  ["two lengths", post("Content-Length: 2\r\nContent-Length: 3\r\n", "ab"), "400"],
  ["the same length twice", post("Content-Length: 2\r\nContent-Length: 2\r\n", "ab"), "400"],
  ["a list of the same", post("Content-Length: 2, 2\r\n", "ab"), "400"],
  ["an empty length", post("Content-Length:\r\n"), "400"],
  ["a plus", post("Content-Length: +2\r\n", "ab"), "400"],
  ["a minus", post("Content-Length: -2\r\n", "ab"), "400"],
  ["hex", post("Content-Length: 0x2\r\n", "ab"), "400"],
  ["a fraction", post("Content-Length: 2.0\r\n", "ab"), "400"],
  ["a blank inside", post("Content-Length: 2 2\r\n", "ab"), "400"],
  ["an underscore", post("Content-Length: 1_0\r\n", "ab"), "400"],
  ["past 2^64", post("Content-Length: 18446744073709551618\r\n", "ab"), "400"],
  [
    "a length and chunks",
    post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "400",
  ],
  [
    "chunks and a length",
    post("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n"),
    "400",
  ],
  ["chunks of HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"],
  [
    "chunks in any case",
    post("transfer-encoding: CHUNKED\r\n", "0\r\n\r\n"),
    "200 POST http://h/ ",
  ],
  ["chunks twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), "501"],
  [
    "chunks in two fields",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    "400",
  ],
  ["chunks that aren't the last", post("Transfer-Encoding: chunked, identity\r\n"), "501"],
  ["identity", post("Transfer-Encoding: identity\r\n"), "501"],
  ["gzip and chunks", post("Transfer-Encoding: gzip, chunked\r\n"), "501"],
  ["chunked in quotes", post('Transfer-Encoding: "chunked"\r\n'), "501"],
  ["an odd blank before chunked", post("Transfer-Encoding: \x0bchunked\r\n"), "400"],
  ["a blank before the encoding's colon", post("Transfer-Encoding : chunked\r\n"), "400"],
  ["no encoding", post("Transfer-Encoding:\r\n"), "501"],
];

/** Bodies in chunks. */
const CHUNKS: readonly Case[] = [
  ["none", chunked("0\r\n\r\n") + GET, "200 POST http://h/ ", OK],
  ["two", chunked("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), "200 POST http://h/ abc"],
  [
    "hex in any case",
    chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
    "200 POST http://h/ 01234567890123456789",
  ],
  ["zeros before a size", chunked("0002\r\nab\r\n0\r\n\r\n"), "200 POST http://h/ ab"],
  [
    "a last chunk of two zeros",
    chunked("2\r\nab\r\n00\r\n\r\n") + GET,
    "200 POST http://h/ ab",
    OK,
  ],
  ["zeros, and then what is no trailer", chunked("00\r\nab\r\n\r\n"), "400"],
  ["an extension", chunked("2;a=b\r\nab\r\n0;c\r\n\r\n"), "200 POST http://h/ ab"],
  ["an extension in quotes", chunked('2;a="b;\x80"\r\nab\r\n0\r\n\r\n'), "200 POST http://h/ ab"],
  ["a blank before an extension", chunked("2 ;a\r\nab\r\n0\r\n\r\n"), "200 POST http://h/ ab"],
  ["a blank after a size", chunked("2 \r\nab\r\n0\r\n\r\n"), "400"],
  ["a blank before a size", chunked(" 2\r\nab\r\n0\r\n\r\n"), "400"],
  ["a CR in an extension", chunked("2;a\rb\r\nab\r\n0\r\n\r\n"), "400"],
  ["a LF in an extension", chunked("2;a\nb\r\nab\r\n0\r\n\r\n"), "400"],
  ["a NUL in an extension", chunked("2;\0\r\nab\r\n0\r\n\r\n"), "400"],
  ["an extension without end", chunked(`2;${"x".repeat(300)}`), "400"],
  ["no size", chunked("\r\nab\r\n0\r\n\r\n"), "400"],
  ["only an extension", chunked(";a\r\n"), "400"],
  ["a size in words", chunked("two\r\n"), "400"],
  ["a size with 0x", chunked("0x2\r\nab\r\n"), "400"],
  ["a size with a plus", chunked("+2\r\nab\r\n"), "400"],
  ["a size with a minus", chunked("-2\r\nab\r\n"), "400"],
  ["a size with an underscore", chunked("1_0\r\n"), "400"],
  ["a size past 2^64", chunked("10000000000000002\r\nab\r\n"), "400"],
  ["a size past what is exact", chunked("1000000000000\r\n"), "400"],
  ["LF after a size", chunked("2\nab\r\n0\r\n\r\n"), "400"],
  ["LF after the data", chunked("2\r\nab\n0\r\n\r\n"), "400"],
  ["nothing after the data", chunked("2\r\nab0\r\n\r\n"), "400"],
  ["more data than said", chunked("2\r\nabc\r\n0\r\n\r\n"), "400"],
  ["other bytes for CR LF", chunked("2\r\nabXY0\r\n\r\n"), "400"],
  ["an end that doesn't come", chunked("2\r\nab\r\n")],
  ["a last line that doesn't come", chunked("0\r\n")],
  ["trailers", chunked("0\r\nX: 1\r\nY: 2\r\n\r\n") + GET, "200 POST http://h/ ", OK],
  ["a trailer without a colon", chunked("0\r\nX\r\n\r\n"), "400"],
  ["a trailer that goes on", chunked("0\r\nX: 1\r\n 2\r\n\r\n"), "400"],
  ["a trailer with a bare LF", chunked("0\r\nX: 1\nY: 2\r\n\r\n"), "400"],
  ["trailers with a bare LF that don't end", chunked("0\r\nX: 1\n"), "400"],
  ["a trailer that is a request", chunked("0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), "400"],
  ["a length as a trailer", chunked("0\r\nContent-Length: 3\r\n\r\nabc"), "400"],
  ["an encoding as a trailer", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"), "400"],
  ["a Host as a trailer", chunked("0\r\nHost: other\r\n\r\n"), "400"],
  ["trailers without end", chunked(`0\r\n${"X: 1\r\n".repeat(2000)}`), "400"],
];

/** What is expected. */
const EXPECTS: readonly Case[] = [
  ["a body that is held back", post("Expect: 100-continue\r\nContent-Length: 2\r\n"), "100"],
  [
    "a body that isn't held back",
    post("Expect: 100-continue\r\nContent-Length: 2\r\n", "ab"),
    "200 POST http://h/ ab",
  ],
  ["in any case", post("Expect: 100-Continue\r\nContent-Length: 2\r\n"), "100"],
  ["no body", post("Expect: 100-continue\r\n"), "200 POST http://h/ "],
  ["something else", post("Expect: tea\r\n"), "417"],
  ["of HTTP/1.0", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"],
];

/** Every case, by what it is about. */
export const CORPUS: Readonly<Record<string, readonly Case[]>> = {
  "first line": LINES,
  "line end": ENDS,
  "field": FIELDS,
  "Host": HOSTS,
  "length": LENGTHS,
  "chunks": CHUNKS,
  "Expect": EXPECTS,
};
