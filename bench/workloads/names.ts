const KIB = 1024;

/** A number of bytes as it stands in a case's name. */
export function sizeName(bytes: number): string {
  if (bytes >= KIB ** 3 && bytes % KIB ** 3 === 0) return `${bytes / KIB ** 3}GiB`;
  if (bytes >= KIB ** 2 && bytes % KIB ** 2 === 0) return `${bytes / KIB ** 2}MiB`;
  if (bytes >= KIB && bytes % KIB === 0) return `${bytes / KIB}KiB`;
  return `${bytes}B`;
}

/** A number of bytes as it stands in a heading. */
export function sizeText(bytes: number): string {
  return sizeName(bytes).replace(/(?=[A-Z])/, " ");
}

/** "1 stream", "1,000 streams". */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
