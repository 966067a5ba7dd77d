import { Buffer } from "node:buffer";
import { type IncomingHttpHeaders, request } from "node:http";

/** An answer as it was sent. */
export interface PlainResponse {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A GET on a connection of its own, with these headers only and without decoding: `fetch` does both. */
export function plainGet(
  url: string,
  headers: Record<string, string> = {},
): Promise<PlainResponse> {
  return new Promise((resolve, reject) => {
    request(url, { headers, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => {
        const { statusCode: status, headers } = answer;
        resolve({ status, headers, body: Buffer.concat(parts) });
      });
    }).on("error", reject).end();
  });
}
