const WEIGHT = /^q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

/**
 * Whether a client that sends this `Accept-Encoding` is best served with gzip (RFC 9110 §12.5.3): it
 * accepts that, and doesn't prefer the bytes as they are. A malformed element counts as left out.
 */
export function prefersGzip(acceptEncoding: string): boolean {
  let gzip: number | undefined;
  let others: number | undefined;
  let identity = 0;
  for (const element of acceptEncoding.toLowerCase().split(",")) {
    const [name, weight] = parse(element);
    if (weight === undefined) continue;
    if (name === "gzip" || name === "x-gzip") gzip = weight;
    else if (name === "*") others = weight;
    else if (name === "identity") identity = weight;
  }
  const weight = gzip ?? others ?? 0;
  return weight > 0 && weight >= identity;
}

function parse(element: string): [name: string, weight: number | undefined] {
  const [name = "", parameter] = element.split(";").map((part) => part.trim());
  if (parameter === undefined) return [name, 1];
  const weight = WEIGHT.exec(parameter)?.[1];
  return [name, weight === undefined ? undefined : Number(weight)];
}
