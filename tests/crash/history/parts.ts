/**
 * The parts of a history as a flag has them: a life, a colon, its steps and whether its fault is kept;
 * lives are set apart by semicolons. `0:2-5,9,fault;3:` is five steps and the fault of life 0, and life 3
 * without any.
 */
export function formatParts(parts: readonly string[]): string {
  const lives = new Map<string, string[]>();
  for (const part of parts) {
    const [life = "", inner] = part.split(":");
    const own = lives.get(life) ?? [];
    lives.set(life, inner === undefined ? own : [...own, inner]);
  }
  return [...lives].map(([life, inner]) => `${life}:${formatRanges(inner)}`).join(";");
}

/**
 * Whether a flag's text keeps a part.
 *
 * @throws {Error} where the text isn't like that
 */
export function parseParts(text: string): (part: string) => boolean {
  const kept = new Set<string>();
  for (const life of text.split(";")) {
    const match = /^(\d+):((?:(?:\d+(?:-\d+)?|fault)(?:,|$))*)$/.exec(life);
    if (match === null) throw new Error(`${JSON.stringify(life)} isn't like 0:2-5,9,fault`);
    const [, number = "", inner = ""] = match;
    kept.add(number);
    for (const piece of inner.split(",").filter((each) => each !== "")) {
      const [first = "", last = first] = piece.split("-");
      if (piece === "fault") kept.add(`${number}:fault`);
      else for (let i = Number(first); i <= Number(last); i++) kept.add(`${number}:${i}`);
    }
  }
  return (part) => kept.has(part);
}

function formatRanges(inner: readonly string[]): string {
  const steps = inner.filter((each) => each !== "fault").map(Number);
  const pieces: string[] = [];
  for (let i = 0; i < steps.length;) {
    let last = i;
    while (steps[last + 1] === (steps[last] ?? 0) + 1) last++;
    pieces.push(last > i ? `${steps[i]}-${steps[last]}` : `${steps[i]}`);
    i = last + 1;
  }
  return [...pieces, ...inner.filter((each) => each === "fault")].join(",");
}
