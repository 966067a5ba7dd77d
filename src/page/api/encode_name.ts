/** A stream's name in a URL or in the page's own address: what is between slashes is encoded. */
export function encodeName(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}

/** The name that {@link encodeName} made this of; `undefined` where nothing could have. */
export function decodeName(encoded: string): string | undefined {
  try {
    return encoded.split("/").map(decodeURIComponent).join("/");
  } catch {
    return undefined;
  }
}
