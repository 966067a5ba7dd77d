import { useRef } from "preact/hooks";
import type { ApiError } from "../../api/request.ts";
import { goTo } from "../../state/route.ts";
import { Empty } from "../../ui/empty.tsx";

/** What stands where streams can't be listed: why, and how one is opened by its name. */
export function FindProblem({ problem }: { readonly problem: ApiError }) {
  const isAway = problem.status === 0 || problem.status >= 500;
  return (
    <Empty title={isAway ? "The streams can't be listed now" : "Streams aren't listed here"}>
      <p>{problem.message}</p>
      {!isAway && <OpenByName />}
    </Empty>
  );
}

function OpenByName() {
  const input = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    const name = input.current?.value ?? "";
    if (name !== "") goTo({ view: "stream", name });
  };
  return (
    <form class="open-by-name" onSubmit={submit}>
      <label for="stream-name">A stream that you know can be opened by its name</label>
      <div class="actions">
        <input id="stream-name" ref={input} autocomplete="off" spellcheck={false} />
        <button type="submit">Open</button>
      </div>
    </form>
  );
}
