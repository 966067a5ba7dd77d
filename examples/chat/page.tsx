/**
 * The chat's page: `useChat` of the AI SDK with this project's transport, drawn by Preact. The chat's id
 * is in the address, so that another tab or a phone opens the same one.
 */
import { useChat } from "@ai-sdk/react";
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { chatTransport } from "durable-streams/ai";

/** What this page uses of a message of the SDK's. */
interface ShownMessage {
  readonly id: string;
  readonly role: string;
  readonly parts: readonly { readonly type: string; readonly text?: string }[];
}

const config: { streams: string } = JSON.parse(
  document.getElementById("config")?.textContent ?? "{}",
);
if (location.hash === "") location.hash = crypto.randomUUID();
const chatId = decodeURIComponent(location.hash.slice(1));
addEventListener("hashchange", () => location.reload());

// One for the whole page: its hooks share it, and its connections.
const transport = chatTransport({ streams: config.streams });

function Chat({ initial }: { readonly initial: readonly unknown[] }) {
  const chat = useChat({ id: chatId, messages: initial, transport, resume: true });
  const { messages, status, error, sendMessage, setMessages, resumeStream } = chat;
  const isBusy = status === "submitted" || status === "streaming";
  useFollow((asked) => {
    setMessages(asked);
    void resumeStream();
  });
  useOnline(() => {
    if (status === "error") void resumeStream();
  });
  return (
    <main>
      <h1>A chat that survives</h1>
      <p class="hint">
        Send something, and reload in the middle of the answer; open{" "}
        <a href={location.href} target="_blank">this chat in a second tab</a>; stop it in either.
      </p>
      <ol aria-live="polite">
        {messages.map((message: ShownMessage) => (
          <li key={message.id} class={message.role}>{textOf(message)}</li>
        ))}
      </ol>
      {error && <p role="alert">{error.message}</p>}
      <p class="status">
        <output>{status}</output>
        {isBusy && <button type="button" onClick={() => void transport.stop(chatId)}>Stop</button>}
      </p>
      <Ask disabled={isBusy} onAsk={(text) => void sendMessage({ text })} />
    </main>
  );
}

function Ask({ disabled, onAsk }: { disabled: boolean; onAsk: (text: string) => void }) {
  const [text, setText] = useState("");
  const send = (event: Event) => {
    event.preventDefault();
    if (disabled || text.trim() === "") return;
    onAsk(text);
    setText("");
  };
  return (
    <form onSubmit={send}>
      <input
        aria-label="Message"
        placeholder="Ask something"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit" disabled={disabled}>Send</button>
    </form>
  );
}

/** Hears of what is asked in this chat elsewhere. */
function useFollow(onAsked: (messages: readonly unknown[]) => void): void {
  const latest = useRef(onAsked);
  latest.current = onAsked;
  useEffect(() => {
    const leaving = new AbortController();
    transport.watch(chatId, ({ messages = [] }) => latest.current(messages), leaving.signal)
      .catch((error: unknown) => console.warn(error));
    return () => leaving.abort();
  }, []);
}

/** Hears that the network is back: it may have been away for longer than the transport waits for it. */
function useOnline(onOnline: () => void): void {
  const latest = useRef(onOnline);
  latest.current = onOnline;
  useEffect(() => {
    const onBack = () => latest.current();
    addEventListener("online", onBack);
    return () => removeEventListener("online", onBack);
  }, []);
}

function textOf({ parts }: ShownMessage): string {
  return parts.map(({ type, text = "" }) => type === "text" ? text : "").join("");
}

function Page() {
  const [initial, setInitial] = useState<readonly unknown[]>();
  const [failure, setFailure] = useState("");
  useEffect(() => {
    transport.load(chatId).then(setInitial, (error: unknown) => setFailure(String(error)));
  }, []);
  if (failure !== "") return <p role="alert">{failure}</p>;
  return initial === undefined ? <p>Loading…</p> : <Chat initial={initial} />;
}

const root = document.getElementById("app");
if (root !== null) render(<Page />, root);
