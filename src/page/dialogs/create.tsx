import { type Signal, useSignal } from "@preact/signals";
import { createStream } from "../api/changes.ts";
import { checkLifetime, LIFETIME_UNITS, type LifetimeInput } from "../checks/lifetime_check.ts";
import { nameProblem } from "../checks/name_check.ts";
import { typeProblem } from "../checks/type_check.ts";
import { may } from "../state/rights.ts";
import { goTo } from "../state/route.ts";
import { notify } from "../state/notice.ts";
import { ActionDialog } from "./action_dialog.tsx";
import { Field } from "./field.tsx";
import { NameField } from "./name_field.tsx";
import { closeDialog } from "./requested.ts";

/** The types that most streams have; any other is typed. */
const COMMON_TYPES: readonly (readonly [type: string, label: string])[] = [
  ["application/json", "JSON messages"],
  ["text/plain", "Text"],
  ["application/octet-stream", "Bytes"],
];

/** Creates a stream. */
export function CreateDialog({ prefix }: { readonly prefix: string }) {
  const name = useSignal(prefix);
  const contentType = useSignal("application/json");
  const lifetime = useSignal<LifetimeInput>({
    kind: "forever",
    amount: "7",
    unit: "days",
    until: "",
  });
  const checked = checkLifetime(lifetime.value, Date.now());
  const isReady = checked.kind === "good" && nameProblem(name.value) === undefined &&
    may("create", name.value) && typeProblem(contentType.value) === undefined;
  const run = async () => {
    if (checked.kind === "bad") return;
    const { isNew } = await createStream(name.value, contentType.value, checked.headers);
    closeDialog();
    notify(isNew ? "The stream is created." : "This stream was there already.");
    goTo({ view: "stream", name: name.value });
  };
  return (
    <ActionDialog title="Create stream" action="Create stream" isReady={isReady} run={run}>
      <NameField label="Name" name={name} />
      <TypeField contentType={contentType} />
      <LifetimeFields
        lifetime={lifetime}
        problem={checked.kind === "bad" ? checked.why : undefined}
      />
    </ActionDialog>
  );
}

function TypeField({ contentType }: { readonly contentType: Signal<string> }) {
  const isOther = useSignal(false);
  const choose = (value: string) => {
    isOther.value = value === "";
    contentType.value = value;
  };
  return (
    <>
      <Field label="Content" hint="What every append holds. It can't be changed later.">
        {(ids) => (
          <select
            {...ids}
            value={isOther.value ? "" : contentType.value}
            onChange={(event) => choose(event.currentTarget.value)}
          >
            {COMMON_TYPES.map(([type, label]) => (
              <option key={type} value={type}>{label} ({type})</option>
            ))}
            <option value="">Another media type</option>
          </select>
        )}
      </Field>
      {isOther.value && (
        <Field
          label="Media type"
          hint="Such as image/png or text/csv."
          problem={contentType.value === "" ? undefined : typeProblem(contentType.value)}
        >
          {(ids) => (
            <input
              {...ids}
              type="text"
              class="mono"
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              value={contentType}
              onInput={(event) => contentType.value = event.currentTarget.value}
            />
          )}
        </Field>
      )}
    </>
  );
}

const KINDS: readonly (readonly [kind: LifetimeInput["kind"], label: string])[] = [
  ["forever", "Until it is deleted"],
  ["ttl", "While it is used (TTL)"],
  ["until", "Up to a time"],
];

function LifetimeFields({ lifetime, problem }: {
  readonly lifetime: Signal<LifetimeInput>;
  readonly problem: string | undefined;
}) {
  const { kind } = lifetime.value;
  const change = (part: Partial<LifetimeInput>) => {
    lifetime.value = { ...lifetime.value, ...part };
  };
  return (
    <fieldset class="choices">
      <legend>How long it lives</legend>
      {KINDS.map(([value, label]) => (
        <label key={value} class="choice">
          <input
            type="radio"
            name="lifetime"
            checked={kind === value}
            onChange={() => change({ kind: value })}
          />
          {label}
        </label>
      ))}
      {kind === "ttl" && <TtlFields lifetime={lifetime} change={change} problem={problem} />}
      {kind === "until" && (
        <Field label="Time" hint="In your time zone." problem={problem}>
          {(ids) => (
            <input
              {...ids}
              type="datetime-local"
              value={lifetime.value.until}
              onInput={(event) => change({ until: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
    </fieldset>
  );
}

function TtlFields({ lifetime, change, problem }: {
  readonly lifetime: Signal<LifetimeInput>;
  readonly change: (part: Partial<LifetimeInput>) => void;
  readonly problem: string | undefined;
}) {
  const { amount, unit } = lifetime.value;
  return (
    <Field
      label="Without reads and appends it goes after"
      hint="Each read and each append begins the time anew."
      problem={problem}
    >
      {(ids) => (
        <span class="field-row">
          <input
            {...ids}
            type="text"
            inputMode="numeric"
            size={6}
            value={amount}
            onInput={(event) => change({ amount: event.currentTarget.value.trim() })}
          />
          <select
            aria-label="Unit"
            value={unit}
            onChange={(event) => {
              const chosen = LIFETIME_UNITS.find((known) => known === event.currentTarget.value);
              if (chosen !== undefined) change({ unit: chosen });
            }}
          >
            {LIFETIME_UNITS.map((known) => <option key={known} value={known}>{known}</option>)}
          </select>
        </span>
      )}
    </Field>
  );
}
