import { config, streamsUrl, streamUrl } from "../../api/config.ts";

/** A command that reads a stream from an offset on and follows it. */
export function curlOf(name: string, offset: string): string {
  const url = `${streamUrl(name)}?offset=${encodeURIComponent(offset)}&live=sse`;
  const token = config.access ? ` -H "Authorization: Bearer $TOKEN"` : "";
  return `curl -N${token} ${quote(url)}`;
}

/** A program that reads a stream from an offset on and follows it. */
export function clientOf(name: string, offset: string, isJson: boolean): string {
  const options = config.access ? `, { token: process.env.TOKEN }` : "";
  return [
    `import { Client } from "durable-streams/client";`,
    "",
    `const client = new Client(${JSON.stringify(streamsUrl)}${options});`,
    `const reader = client.reader(${JSON.stringify(name)}, { offset: ${JSON.stringify(offset)} });`,
    "for await (const message of reader) {",
    `  console.log(message.offset, message.${isJson ? "json" : "text"}());`,
    "}",
    "",
  ].join("\n");
}

/** A text as one word of a shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
