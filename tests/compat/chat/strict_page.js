// The page of the test beside it: React's own StrictMode, two hooks of one chat, and a route that can be
// left.
import { createElement as h, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { useChat } from "@ai-sdk/react";
import { chatTransport } from "../../../src/ai/mod.ts";

const { streams, chat: id } = JSON.parse(document.getElementById("config").textContent);
const transport = chatTransport({ streams });

function Chat({ name }) {
  const { messages, status, error, sendMessage } = useChat({ id, transport, resume: true });
  const parts = messages.filter(({ role }) => role === "assistant").flatMap(({ parts }) => parts);
  return h(
    "section",
    { id: name },
    h("p", null, parts.map(({ text = "" }) => text).join("")),
    h("output", null, status),
    h("b", null, error?.message ?? ""),
    h("button", { onClick: () => sendMessage({ text: "hi" }) }, `send ${name}`),
  );
}

function App() {
  const [isThere, setThere] = useState(true);
  return h(
    "main",
    null,
    h("button", { onClick: () => setThere(!isThere) }, "route"),
    isThere && h(Chat, { name: "one" }),
    isThere && h(Chat, { name: "two" }),
  );
}

createRoot(document.getElementById("app")).render(h(StrictMode, null, h(App)));
