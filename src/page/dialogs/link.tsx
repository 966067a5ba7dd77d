import { useSignal } from "@preact/signals";
import { signLink } from "../api/changes.ts";
import { messageOf } from "../api/request.ts";
import { notify } from "../state/notice.ts";
import { copyText } from "../ui/copy_text.ts";
import { StreamName } from "./stream_name.tsx";
import { ActionDialog } from "./action_dialog.tsx";
import { Field } from "./field.tsx";

/** How long a link may last, in seconds: a week at most. */
const LENGTHS: readonly (readonly [seconds: number, label: string])[] = [
  [600, "10 minutes"],
  [3_600, "An hour"],
  [86_400, "A day"],
  [604_800, "A week"],
];

/** Makes a link that whoever has it may read a stream with. */
export function LinkDialog({ name }: { readonly name: string }) {
  const seconds = useSignal(3_600);
  const link = useSignal("");
  const run = async () => {
    link.value = await signLink(name, seconds.value);
  };
  const copy = () =>
    copyText(link.value).then(
      () => notify("The link is copied."),
      (error) => notify(messageOf(error)),
    );
  return (
    <ActionDialog title="Signed link" action="Make link" isReady run={run}>
      <p>
        Whoever has the link may read <StreamName name={name} />{" "}
        until its time is over, without a token. It can't be taken back: it is as secret as one.
      </p>
      <Field label="How long it lasts">
        {(ids) => (
          <select
            {...ids}
            data-first
            value={String(seconds.value)}
            onChange={(event) => {
              seconds.value = Number(event.currentTarget.value);
              link.value = "";
            }}
          >
            {LENGTHS.map(([length, label]) => (
              <option key={length} value={String(length)}>{label}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Link" hint={link.value === "" ? "It stands here once it is made." : ""}>
        {(ids) => (
          <span class="field-row">
            <input {...ids} type="text" class="mono" readOnly value={link.value} />
            <button type="button" disabled={link.value === ""} onClick={copy}>Copy</button>
          </span>
        )}
      </Field>
    </ActionDialog>
  );
}
