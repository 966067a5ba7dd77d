import { useState } from "preact/hooks";
import { config, streamUrl } from "../../api/config.ts";
import { messageOf } from "../../api/request.ts";
import { may } from "../../state/rights.ts";
import { goTo } from "../../state/route.ts";
import { CopyButton } from "../../ui/copy_button.tsx";
import { Empty } from "../../ui/empty.tsx";
import { StoredText } from "../../ui/text.tsx";
import { startDemo } from "./demo.ts";

/** What stands where there is no stream: how the first is made. */
export function FindEmpty(
  { prefix, query }: { readonly prefix: string; readonly query: string },
) {
  if (query !== "") {
    return (
      <Empty title="No stream has that in its name">
        <p>
          Looked for “<StoredText text={query} />”{prefix !== "" && (
            <>
              {" "}in <StoredText text={prefix} />
            </>
          )}. Upper and lower case are the same.
        </p>
      </Empty>
    );
  }
  if (prefix !== "") {
    return (
      <Empty title="Nothing here">
        <p>
          No stream has a name that begins with <StoredText text={prefix} />.
        </p>
      </Empty>
    );
  }
  return <FirstSteps />;
}

function FirstSteps() {
  const token = config.access ? ` -H "Authorization: Bearer $TOKEN"` : "";
  const url = streamUrl("hello");
  const create = `curl -X PUT${token} -H 'Content-Type: application/json' '${url}'`;
  const append =
    `curl -X POST${token} -H 'Content-Type: application/json' -d '{"hello":"world"}' '${url}'`;
  return (
    <Empty title="No streams yet">
      <p>
        A stream is a log with a URL: programs append to it, and whoever reads it gets all of it,
        then follows live. It comes into being by a PUT:
      </p>
      <Command text={create} />
      <p>Then append something, and open the stream here to watch it arrive:</p>
      <Command text={append} />
      {may("create") && may("append") && <Demo />}
    </Empty>
  );
}

function Command({ text }: { readonly text: string }) {
  return (
    <div class="command-line">
      <pre class="command" tabIndex={0} role="group" aria-label="Command"><code>{text}</code></pre>
      <CopyButton label="Copy" text={() => text} />
    </div>
  );
}

/** The button that shows in half a minute what streams are for. */
function Demo() {
  const [problem, setProblem] = useState("");
  const start = () =>
    startDemo().then(
      (name) => goTo({ view: "stream", name }),
      (error) => setProblem(messageOf(error)),
    );
  return (
    <div class="demo">
      <h3>Or see it move</h3>
      <p>
        The demo creates a stream and appends words to it, as a language model would its tokens.
        Open it in a second tab, reload, come late: every reader gets each word once.
      </p>
      <button type="button" class="primary" onClick={() => void start()}>Start the demo</button>
      <p class="problem" role="alert">{problem}</p>
    </div>
  );
}
