import { deepEqual, equal, match } from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as react from "react";
import { renderToString } from "react-dom/server";
import * as sdkReact from "@ai-sdk/react";
import * as sdk from "ai";
import { MockLanguageModelV4 } from "ai/test";
import * as ai from "../../../src/ai/mod.ts";
import { Client } from "../../../src/client/client.ts";
import { inRepo } from "../../tools/repo.ts";
import { CompatServer } from "../compat_server.ts";

/** The code of docs/CHAT.md and of its example, run as it stands there but for the port and the model. */

const guide = readFileSync(inRepo("docs", "CHAT.md"), "utf8");
const SERVER = "http://127.0.0.1:4437/v1/stream";
const IMPORT = /^import \{([^}]*)\} from "([^"]+)";$/gm;

/** What the code may import, by its names. */
let packages: Record<string, object> = {};
Object.assign(globalThis, { packagesOfGuide: (name: string) => packages[name] });

type Route = (request: Request) => Promise<Response>;

/** Runs code of TypeScript or JSX; its exports, and beside them what `more` names. */
async function run(code: string, type: "typescript" | "tsx", more = ""): Promise<object> {
  const linked = code.replace(IMPORT, "const {$1} = globalThis.packagesOfGuide('$2');");
  const pragmas = "/** @jsxRuntime classic */\n/** @jsx createElement */\n";
  const createElement = "const { createElement } = globalThis.packagesOfGuide('react');\n";
  const source = `${pragmas}${createElement}${linked}\n${more}`;
  return await import(`data:text/${type};charset=utf-8,${encodeURIComponent(source)}`);
}

/** A model of the SDK that says one thing, and then waits until it is stopped. */
function model(signals: AbortSignal[]) {
  return new MockLanguageModelV4({
    doStream: ({ abortSignal }: { abortSignal?: AbortSignal }) => {
      if (abortSignal !== undefined) signals.push(abortSignal);
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue({ type: "stream-start", warnings: [] });
          controller.enqueue({ type: "text-start", id: "1" });
          controller.enqueue({ type: "text-delta", id: "1", delta: "Hello." });
        },
      });
      return Promise.resolve({ stream });
    },
  });
}

/** Asks the routes, and stops the answer. */
async function askAndStop(code: string, names: readonly [string, string]): Promise<void> {
  await using server = await CompatServer.start([Deno.execPath(), "run", "-A", inRepo("main.ts")]);
  const signals: AbortSignal[] = [];
  packages = {
    react,
    ai: {
      ...sdk,
      streamText: (options: { messages: never[] }) =>
        sdk.streamText({ ...options, model: model(signals) }),
    },
    "durable-streams/ai": ai,
    "durable-streams/client": { Client },
  };
  const routes = new Map<string, Route>(
    Object.entries(await run(code.replaceAll(SERVER, server.url), "typescript")),
  );
  const post = async (route: string, content: object) => {
    const body = JSON.stringify({ id: "c", answer: "a", ...content });
    return await routes.get(route)?.(new Request("http://app.test", { method: "POST", body }));
  };
  const messages = [{ id: "m", role: "user", parts: [{ type: "text", text: "hi" }] }];
  const answered = await post(names[0], { messages });
  deepEqual(await answered?.json(), { chat: "c", answer: "a", stream: "chats/c/a" });
  const reader = new Client(server.url).reader("chats/c/a");
  const types: string[] = [];
  for await (const { type } of reader.json<{ type: string }>()) {
    types.push(type);
    if (type !== "text-delta") continue;
    const stopped = await post(names[1], {});
    deepEqual(await stopped?.json(), { stopped: true });
  }
  equal(types.at(-1), "abort");
  equal(signals.length, 1);
  equal(signals[0]?.aborted, true);
}

const blockOf = (language: string) =>
  new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1] ?? "";

Deno.test("the routes of the guide answer a message and stop the model", async () => {
  await askAndStop(blockOf("ts"), ["POST", "stop"]);
});

Deno.test("the routes of the example answer a message and stop the model", async () => {
  const code = readFileSync(inRepo("examples", "chat", "route.ts"), "utf8");
  await askAndStop(code, ["postChat", "postStop"]);
});

Deno.test("the page of the guide is drawn", async () => {
  packages = { react, "@ai-sdk/react": sdkReact, "durable-streams/ai": ai };
  const page = new Map(
    Object.entries(await run(blockOf("tsx"), "tsx", "export const chat = Chat;")),
  );
  const html = renderToString(react.createElement(page.get("chat"), { id: "c", messages: [] }));
  match(html, /^<button>Stop<\/button>$/);
});
