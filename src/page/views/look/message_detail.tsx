import { openDialog } from "../../dialogs/requested.ts";
import { type Message, textOf } from "../../reading/message.ts";
import type { MessageMode } from "../../state/route.ts";
import { hello } from "../../state/feed.ts";
import { may } from "../../state/rights.ts";
import { CopyButton } from "../../ui/copy_button.tsx";
import { formatBytes } from "../../ui/figures.ts";
import { HexDump } from "./hex_dump.tsx";
import { JsonTree } from "./json_tree.tsx";
import { LongText } from "./long_text.tsx";
import type { LookSession } from "./look_session.ts";
import { clientOf, curlOf } from "./snippets.ts";

/** The message that is chosen: where it is, what can be done from there, and all of it. */
export function MessageDetail(
  { session, message, mode }: {
    readonly session: LookSession;
    readonly message: Message;
    readonly mode: MessageMode;
  },
) {
  const { name, content } = session;
  const { bytes, start, end } = message;
  return (
    <>
      <dl class="fact-list">
        <dt>Offset</dt>
        <dd class="mono">{start}</dd>
        <dt>Ends at</dt>
        <dd class="mono">{end}</dd>
        <dt>Size</dt>
        <dd>{formatBytes(bytes.length)}</dd>
      </dl>
      <div class="actions">
        <CopyButton label="Copy message" text={() => textOf(bytes)} />
        <CopyButton label="Copy offset" text={() => start} />
        <CopyButton label="Copy curl" text={() => curlOf(name, start)} />
        <CopyButton
          label="Copy client code"
          text={() => clientOf(name, start, content === "json")}
        />
        {may("create") && (
          <button
            type="button"
            onClick={() => openDialog({ kind: "fork", name, offset: end })}
          >
            Fork after this
          </button>
        )}
        {may("delete", name) && hello.value?.storage !== "nats" && (
          <button
            type="button"
            onClick={() => openDialog({ kind: "trim", name, offset: start })}
          >
            Trim before this
          </button>
        )}
      </div>
      <Content key={message.number} session={session} bytes={bytes} mode={mode} />
    </>
  );
}

function Content(
  { session, bytes, mode }: {
    readonly session: LookSession;
    readonly bytes: Uint8Array;
    readonly mode: MessageMode;
  },
) {
  if (mode === "hex") return <HexDump bytes={bytes} />;
  if (session.content === "json" && mode === "list") return <JsonTree bytes={bytes} />;
  return session.content === "bytes" && mode === "list"
    ? <HexDump bytes={bytes} />
    : <LongText bytes={bytes} />;
}
