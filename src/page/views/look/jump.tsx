import { useRef, useState } from "preact/hooks";
import { OFFSET_PATTERN } from "../../../protocol/offset.ts";

const OFFSET = new RegExp(`^(?:-1|${OFFSET_PATTERN})$`);

/** Where somebody wants to go. */
export type JumpPlace = { readonly offset: string } | { readonly time: string };

/** The form that takes to an offset or a time. */
export function Jump({ onJump }: { onJump(place: JumpPlace): void }) {
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    const place = placeOf(input.current?.value.trim() ?? "");
    setProblem(place === undefined ? "Write an offset, or a time such as 2026-01-31 12:00." : "");
    if (place !== undefined) onJump(place);
  };
  return (
    <form class="jump" onSubmit={submit}>
      <label class="visually-hidden" for="jump">Offset or time</label>
      <input
        id="jump"
        ref={input}
        placeholder="Offset or time"
        autocomplete="off"
        spellcheck={false}
        aria-invalid={problem !== ""}
        aria-describedby="jump-problem"
      />
      <button type="submit">Go</button>
      <p id="jump-problem" class="problem" role="alert">{problem}</p>
    </form>
  );
}

/** The place that a text names, if any: an offset of the stream, or a time in the browser's zone. */
function placeOf(text: string): JumpPlace | undefined {
  if (OFFSET.test(text)) return { offset: text };
  const ms = Date.parse(text);
  return text === "" || Number.isNaN(ms) ? undefined : { time: new Date(ms).toISOString() };
}
