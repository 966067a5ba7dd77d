import type { Random } from "../../support/random.ts";

const METHODS = ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "x", "M-SEARCH"];
const TARGETS = ["/", "/a", "/a/b?c=d", "/%41", "/a//b", "*", "http://h/", "http://other/a", "a"];
const VERSIONS = [
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/1.2",
  "HTTP/2.0",
  "http/1.1",
];
const NAMES = [
  "X-A",
  "x-b",
  "Accept",
  "Connection",
  "Content-Type",
  "Expect",
  "Host",
  "Content-Length",
  "Transfer-Encoding",
];
const VALUES = [
  "",
  "1",
  "a b",
  "close",
  "keep-alive",
  "chunked",
  "gzip, chunked",
  "100-continue",
  "h",
  "other",
  "0",
  "5",
  "+5",
  "5, 5",
  "\xe9",
  "a\tb",
  '"q"',
];
const BLANKS = ["", " ", "  ", "\t", " \t"];
const SIZES = ["00", "000", "1", "A", "0x1", "g", "-1", "+1", " 1", "1 ", "fffffffffffffffff", ""];
const EXTENSIONS = ["", "", "", ";a", ";a=b", ' ; a="b"', ";", "; \xe9", ";a;b=c"];
const TRAILERS = ["X: 1", "x-y:", "Content-Length: 3", "nonsense", " X: 1", "X : 1", "Host: h"];
/** What is put between, or in the place of, other bytes. */
const NOISE = [
  "\r",
  "\n",
  "\r\n",
  " ",
  "\t",
  "\0",
  ":",
  ",",
  ";",
  "0",
  "5",
  "\x7f",
  "\x80",
  "\xff",
  "X",
  "\r\n\r\n",
  "\r\n ",
];

/** One or a few requests as a client sends them, most of them right, many with a fault or two. */
export function randomBytes(random: Random): string {
  let text = "";
  for (let left = random.between(1, 3); left > 0; left--) text += request(random);
  for (let left = random.pick([0, 0, 1, 1, 2, 3]); left > 0; left--) text = mutate(random, text);
  return text;
}

function request(random: Random): string {
  const version = random.chance(0.95) ? "HTTP/1.1" : random.pick(VERSIONS);
  const target = random.chance(0.8) ? random.pick(TARGETS.slice(0, 5)) : random.pick(TARGETS);
  const fields: string[] = [];
  if (random.chance(0.97)) fields.push(`Host:${random.pick(BLANKS)}h`);
  for (let left = random.below(3); left > 0; left--) {
    const names = random.chance(0.9) ? NAMES.slice(0, 5) : NAMES;
    fields.push(
      `${random.pick(names)}:${random.pick(BLANKS)}${random.pick(VALUES)}${random.pick(BLANKS)}`,
    );
  }
  const body = random.pick(["", "", "length", "chunks"]);
  const content = "abc\r\n0\r\n\r\nGET / HTTP/1.1\r\n".slice(0, random.below(27));
  if (body === "length") fields.push(`Content-Length: ${content.length}`);
  if (body === "chunks") fields.push("Transfer-Encoding: chunked");
  for (let left = random.below(2); left > 0; left--) fields.reverse();
  const head = `${random.pick(METHODS)} ${target} ${version}\r\n${
    fields.map((field) => `${field}\r\n`).join("")
  }\r\n`;
  const empty = random.chance(0.05) ? "\r\n" : "";
  if (body === "length") return empty + head + content;
  return empty + head + (body === "chunks" ? chunks(random, content) : "");
}

function chunks(random: Random, content: string): string {
  let text = "";
  for (let at = 0; at < content.length;) {
    const part = content.slice(at, at + random.between(1, 9));
    at += part.length;
    const size = random.chance(0.97) ? part.length.toString(16) : random.pick(SIZES);
    text += `${size}${random.pick(EXTENSIONS)}\r\n${part}\r\n`;
  }
  const trailer = random.chance(0.2) ? `${random.pick(TRAILERS)}\r\n` : "";
  return `${text}${random.chance(0.95) ? "0" : random.pick(SIZES)}\r\n${trailer}\r\n`;
}

function mutate(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + random.pick(NOISE) + text.slice(at);
    case 1:
      return text.slice(0, at) + random.pick(NOISE) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.slice(at + random.between(1, 4));
    default:
      return text.slice(0, at);
  }
}
