import type { Operation } from "./operation.ts";

/** Sends a request: to an app in this process, or over a socket. */
export type Send = (path: string, init: RequestInit) => Promise<Response>;

const TEXT = { "content-type": "text/plain" };

/** Carries out an operation over HTTP; its answer in the model's words. */
export async function carryOut(send: Send, prefix: string, operation: Operation): Promise<string> {
  const response = await request(send, prefix, operation);
  const body = operation.kind === "head" ? "" : await response.text();
  const { status } = response;
  if (status >= 400) return body === "" ? headRefusal(status) : JSON.parse(body).error.code;
  const next = Number(response.headers.get("stream-next-offset"));
  switch (operation.kind) {
    case "delete":
      return `${status}`;
    case "head":
      return `${status} ${next} ${response.headers.get("stream-closed") === "true"}`;
    case "read":
      return `${status} ${next} ${body}`;
    default:
      return `${status} ${next}`;
  }
}

function request(send: Send, prefix: string, operation: Operation): Promise<Response> {
  const path = `${prefix}/${operation.name}`;
  switch (operation.kind) {
    case "create": {
      const { text, closed } = operation;
      const headers = closed ? { ...TEXT, "stream-closed": "true" } : TEXT;
      return send(path, { method: "PUT", headers, ...(text === "" ? {} : { body: text }) });
    }
    case "fork": {
      const headers = { "stream-forked-from": `/v1/stream/${prefix}/${operation.source}` };
      return send(path, { method: "PUT", headers });
    }
    case "append": {
      const { messages, close, seq, producer, expectedTail } = operation.request;
      const headers = new Headers(messages.length > 0 ? TEXT : {});
      if (close) headers.set("stream-closed", "true");
      if (seq !== undefined) headers.set("stream-seq", seq);
      if (expectedTail !== undefined) {
        headers.set("stream-expected-offset", String(expectedTail).padStart(20, "0"));
      }
      if (producer !== undefined) {
        headers.set("producer-id", producer.id);
        headers.set("producer-epoch", String(producer.epoch));
        headers.set("producer-seq", String(producer.seq));
      }
      const body = messages.join("");
      return send(path, { method: "POST", headers, ...(body === "" ? {} : { body }) });
    }
    case "delete":
      return send(path, { method: "DELETE" });
    case "head":
      return send(path, { method: "HEAD" });
    case "read": {
      const offset = String(operation.from).padStart(20, "0");
      const live = operation.live ? "&live=long-poll" : "";
      return send(`${path}?offset=${offset}${live}`, { method: "GET" });
    }
  }
}

/** A HEAD's refusal has no body. */
function headRefusal(status: number): string {
  return status === 404 ? "not_found" : status === 410 ? "gone" : `${status}`;
}
