import process from "node:process";
import { openAuthority } from "../../src/access/open_authority.ts";
import { StreamError } from "../../src/protocol/errors.ts";

/**
 * Asks an authority about requests and prints what it says of each. Arguments: its settings and the requests,
 * as JSON.
 */

interface Asked {
  readonly url: string;
  readonly headers: Record<string, string>;
}

const [settings = "", requests = "[]"] = process.argv.slice(2);
const authority = await openAuthority(JSON.parse(settings));
const asked: Asked[] = JSON.parse(requests);
const said: string[] = [];
for (const { url, headers } of asked) {
  try {
    const request = { method: "GET", url, headers: new Headers(headers) };
    const permit = await authority.authorize(request);
    // Known by now, so that the answer comes at once.
    const again = authority.authorize(request);
    said.push(
      permit === undefined ? "nobody" : again === permit ? permit.subject : "another permit",
    );
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    said.push(error.code);
  }
}
authority.close();
console.log(JSON.stringify(said));
