import { useEffect, useState } from "preact/hooks";
import { essence } from "../../../protocol/content_type.ts";
import { streamUrl } from "../../api/config.ts";
import { call, isAbort, messageOf } from "../../api/request.ts";
import { formatBytes } from "../../ui/figures.ts";

/** What is shown as it is; anything else, as SVG and HTML, could run. */
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
const SOUNDS = ["audio/mpeg", "audio/mp3", "audio/ogg", "audio/wav", "audio/x-wav", "audio/webm"];
/** Longer streams aren't loaded for it. */
const LIMIT_BYTES = 32 * 1024 * 1024;

/** Whether a stream of this type can be shown as an image or played. */
export function isMedia(contentType: string): boolean {
  const type = essence(contentType);
  return IMAGES.includes(type) || SOUNDS.includes(type);
}

/** A stream that is one image, or one sound. */
export function Media(
  { name, contentType }: { readonly name: string; readonly contentType: string },
) {
  const [url, setUrl] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState("");
  const [bytes, setBytes] = useState(0);
  const type = essence(contentType);
  useEffect(() => {
    const controller = new AbortController();
    let made: string | undefined;
    loadAll(name, controller.signal).then((parts) => {
      const blob = new Blob(parts, { type });
      made = URL.createObjectURL(blob);
      setBytes(blob.size);
      setUrl(made);
    }).catch((error) => isAbort(error) || setProblem(messageOf(error)));
    return () => {
      controller.abort();
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [name, type]);
  return (
    <div class="media" tabIndex={0} role="group" aria-label="Content" data-messages>
      {problem !== "" && <p class="problem" role="alert">{problem}</p>}
      {url !== undefined && (IMAGES.includes(type)
        ? <img src={url} alt={`The stream as an image, ${formatBytes(bytes)}`} />
        : <audio src={url} controls />)}
      {url !== undefined && <p class="soft">{type}, {formatBytes(bytes)}</p>}
    </div>
  );
}

async function loadAll(name: string, signal: AbortSignal): Promise<ArrayBuffer[]> {
  const parts: ArrayBuffer[] = [];
  let offset = "-1";
  let total = 0;
  while (true) {
    const answer = await call(streamUrl(name), { query: { offset }, signal });
    const part = await answer.arrayBuffer();
    total += part.byteLength;
    if (total > LIMIT_BYTES) {
      throw new Error(
        `The stream is longer than ${formatBytes(LIMIT_BYTES)}: it is shown in parts only.`,
      );
    }
    parts.push(part);
    const next = answer.headers.get("stream-next-offset") ?? offset;
    if (next === offset || answer.headers.get("stream-up-to-date") === "true") return parts;
    offset = next;
  }
}
