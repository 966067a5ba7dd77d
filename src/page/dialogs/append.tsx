import { type Signal, useSignal } from "@preact/signals";
import { appendTo } from "../api/changes.ts";
import { type BodyCheck, checkBody, checkFile } from "../checks/body_check.ts";
import { isJsonType } from "../../protocol/content_type.ts";
import { notify } from "../state/notice.ts";
import { may } from "../state/rights.ts";
import { formatBytes } from "../ui/figures.ts";
import { StreamName } from "./stream_name.tsx";
import { ActionDialog } from "./action_dialog.tsx";
import { Field } from "./field.tsx";
import { closeDialog, type DialogStream } from "./requested.ts";

/** A file that was chosen. */
interface ChosenFile {
  readonly name: string;
  readonly check: BodyCheck;
}

/** Appends what is typed, or a file. */
export function AppendDialog({ stream }: { readonly stream: DialogStream }) {
  const { name, contentType } = stream;
  const isText = isJsonType(contentType) || contentType.startsWith("text/");
  const source = useSignal<"text" | "file">(isText ? "text" : "file");
  const text = useSignal("");
  const file = useSignal<ChosenFile | undefined>(undefined);
  const closes = useSignal(false);
  const check = source.value === "text"
    ? checkBody(contentType, text.value)
    : file.value?.check ?? { kind: "empty" };
  const run = async () => {
    if (check.kind !== "good") return;
    await appendTo(name, contentType, check.bytes, { close: closes.value });
    closeDialog();
    notify(`Appended ${describe(check)}${closes.value ? ", and closed the stream" : ""}.`);
  };
  return (
    <ActionDialog title="Append" action="Append" isReady={check.kind === "good"} run={run}>
      <p>
        To <StreamName name={name} />, which holds <code>{contentType}</code>.
      </p>
      <SourceChoice source={source} />
      {source.value === "text"
        ? <TextField isJson={isJsonType(contentType)} text={text} check={check} />
        : <FileField contentType={contentType} file={file} />}
      {may("close", name) && (
        <label class="choice">
          <input
            type="checkbox"
            checked={closes}
            onChange={(event) => closes.value = event.currentTarget.checked}
          />
          Close the stream with this
        </label>
      )}
    </ActionDialog>
  );
}

function SourceChoice({ source }: { readonly source: Signal<"text" | "file"> }) {
  return (
    <div class="segments" role="radiogroup" aria-label="What to append">
      {(["text", "file"] as const).map((kind) => (
        <label key={kind} class="segment">
          <input
            type="radio"
            name="source"
            checked={source.value === kind}
            onChange={() => source.value = kind}
          />
          <span>{kind === "text" ? "Text" : "File"}</span>
        </label>
      ))}
    </div>
  );
}

function TextField({ isJson, text, check }: {
  readonly isJson: boolean;
  readonly text: Signal<string>;
  readonly check: BodyCheck;
}) {
  const hint = check.kind === "good"
    ? `This is ${describe(check)}.`
    : isJson
    ? "One JSON value is one message; the elements of an array are one each."
    : "Appended as it is, in UTF-8.";
  return (
    <Field
      label={isJson ? "JSON" : "Text"}
      hint={hint}
      problem={check.kind === "bad" ? check.why : undefined}
    >
      {(ids) => (
        <textarea
          {...ids}
          data-first
          class="mono editor"
          rows={10}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          dir="auto"
          value={text}
          onInput={(event) => text.value = event.currentTarget.value}
        />
      )}
    </Field>
  );
}

function FileField({ contentType, file }: {
  readonly contentType: string;
  readonly file: Signal<ChosenFile | undefined>;
}) {
  const read = async (chosen: File | undefined) => {
    if (chosen === undefined) {
      file.value = undefined;
      return;
    }
    const bytes = new Uint8Array(await chosen.arrayBuffer());
    file.value = { name: chosen.name, check: checkFile(contentType, bytes) };
  };
  const check = file.value?.check;
  return (
    <Field
      label="File"
      hint={check?.kind === "good" ? `This is ${describe(check)}.` : "Appended as it is."}
      problem={check?.kind === "bad" ? check.why : undefined}
    >
      {(ids) => (
        <input
          {...ids}
          type="file"
          onChange={(event) => read(event.currentTarget.files?.[0])}
        />
      )}
    </Field>
  );
}

function describe(check: BodyCheck & { readonly kind: "good" }): string {
  const size = formatBytes(check.bytes.length);
  if (check.messages === undefined) return size;
  return `${check.messages.toLocaleString("en")} ${
    check.messages === 1 ? "message" : "messages"
  }, ${size}`;
}
