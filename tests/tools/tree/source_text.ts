/** What may stand before a slash that starts a regular expression and not a division. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void))\s*$/;

/** What a view of a source keeps. */
export interface View {
  readonly strings: boolean;
}

/**
 * A TypeScript source with its comments turned to spaces, and its strings' and regular
 * expressions' contents too unless they are kept. Lengths and line breaks stay, so that a place
 * in the view is the same place in the source.
 */
export function codeOf(source: string, keep: View = { strings: false }): string {
  return new Scanner(source, keep.strings).scan();
}

class Scanner {
  #at = 0;
  #out = "";
  readonly #source: string;
  readonly #keepStrings: boolean;

  constructor(source: string, keepStrings: boolean) {
    this.#source = source;
    this.#keepStrings = keepStrings;
  }

  scan(): string {
    while (this.#at < this.#source.length) this.#next();
    return this.#out;
  }

  #next(): void {
    const source = this.#source;
    const two = source.slice(this.#at, this.#at + 2);
    const one = source.charAt(this.#at);
    if (two === "//") this.#blankTo(this.#indexOr("\n", this.#at));
    else if (two === "/*") this.#blankTo(this.#indexOr("*/", this.#at + 2) + 2);
    else if (one === '"' || one === "'") this.#literal(this.#endOfQuoted(one));
    else if (one === "`") this.#template();
    else if (one === "/" && BEFORE_REGEX.test(this.#line())) this.#literal(this.#endOfRegex());
    else this.#copyTo(this.#at + 1);
  }

  /** What comes before on this line, as far as it is code. */
  #line(): string {
    return this.#out.slice(this.#out.lastIndexOf("\n") + 1);
  }

  #template(): void {
    this.#copyTo(this.#at + 1);
    while (this.#at < this.#source.length) {
      const one = this.#source.charAt(this.#at);
      if (one === "`") return this.#copyTo(this.#at + 1);
      if (one === "\\") this.#text(this.#at + 2);
      else if (this.#source.startsWith("${", this.#at)) this.#substitution();
      else this.#text(this.#at + 1);
    }
  }

  #substitution(): void {
    this.#copyTo(this.#at + 2);
    let depth = 1;
    while (this.#at < this.#source.length && depth > 0) {
      const one = this.#source.charAt(this.#at);
      if (one === "{") depth++;
      else if (one === "}") depth--;
      this.#next();
    }
  }

  #endOfQuoted(quote: string): number {
    let at = this.#at + 1;
    while (at < this.#source.length && this.#source.charAt(at) !== quote) {
      if (this.#source.charAt(at) === "\n") return at;
      at += this.#source.charAt(at) === "\\" ? 2 : 1;
    }
    return at + 1;
  }

  #endOfRegex(): number {
    let inClass = false;
    let at = this.#at + 1;
    for (; at < this.#source.length; at++) {
      const one = this.#source.charAt(at);
      if (one === "\n") return at;
      if (one === "\\") at++;
      else if (one === "[") inClass = true;
      else if (one === "]") inClass = false;
      else if (one === "/" && !inClass) break;
    }
    return at + 1;
  }

  #literal(end: number): void {
    this.#copyTo(this.#at + 1);
    this.#text(end - 1);
    this.#copyTo(end);
  }

  #text(end: number): void {
    if (this.#keepStrings) this.#copyTo(end);
    else this.#blankTo(end);
  }

  #copyTo(end: number): void {
    this.#out += this.#source.slice(this.#at, end);
    this.#at = end;
  }

  #blankTo(end: number): void {
    this.#out += this.#source.slice(this.#at, end).replace(/[^\n]/g, " ");
    this.#at = end;
  }

  #indexOr(text: string, from: number): number {
    const at = this.#source.indexOf(text, from);
    return at < 0 ? this.#source.length : at;
  }
}
