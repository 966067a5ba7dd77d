import type { Client } from "../../../client/client.ts";
import { ClientError } from "../../../client/errors/client_error.ts";
import type { StreamInfo } from "../../../client/transport/stream_info.ts";
import { START } from "../../../client/transport/place.ts";
import { DEFAULT_CONTENT_TYPE, sameContentType } from "../../../protocol/content_type.ts";
import { tokenPosition } from "../../../protocol/offset.ts";
import { compareStreams } from "./compare.ts";
import { ContentDigest, digestOf } from "./content_digest.ts";
import { forkAtTarget, type ForkSource } from "./fork_source.ts";
import { isMissing, type Outcome, Refusal } from "./outcome.ts";
import type { Side } from "./side.ts";
import { StreamCursor } from "./stream_cursor.ts";
import { TargetWriter } from "./target_writer.ts";

/** What all streams of a copy have in common. */
export interface CopySettings {
  readonly from: Side;
  readonly to: Side;
  /** Whether what was appended is read again and its digest compared. */
  readonly isChecked: boolean;
  readonly isDryRun: boolean;
  /** The epoch of the copy's producers. */
  readonly epoch: number;
  /** The producer of a stream. */
  producerId(name: string): string;
  readonly signal: AbortSignal;
  /** Told of what has been appended. */
  onBytes(bytes: number): void;
}

/** So often the target is compared again after somebody, perhaps a killed run's last request, wrote to it. */
const MAX_STARTS = 3;

/** Where a copy goes on: the source's cursor there, and the target's writer. */
interface Opened {
  readonly source: StreamCursor;
  readonly writer: TargetWriter;
  readonly created: boolean;
  readonly resumedBytes: number;
  readonly forkOf?: string | undefined;
  readonly flattened?: boolean;
  /** What the target holds is closed. */
  readonly isClosed: boolean;
}

/** One stream's copy: how far it is, so that it can go on as the source grows. */
export class CopiedStream {
  readonly name: string;
  /** Where it branches off at the source, where it is a fork. */
  readonly fork: ForkSource | undefined;
  readonly #settings: CopySettings;
  #writer: TargetWriter | undefined;
  #sourceOffset: string | undefined;
  #isClosed = false;

  constructor(name: string, settings: CopySettings, fork?: ForkSource) {
    this.name = name;
    this.fork = fork;
    this.#settings = settings;
  }

  /** The source's offset up to which the target has everything; `undefined` before the first copy. */
  get sourceOffset(): string | undefined {
    return this.#sourceOffset;
  }

  /** Whether the target is as the source is said to be. */
  isAt({ nextOffset, closed }: Pick<StreamInfo, "nextOffset" | "closed">): boolean {
    return nextOffset === this.#sourceOffset && closed === this.#isClosed;
  }

  /**
   * Copies what the target lacks, up to the tail that the source has.
   *
   * @param listed what the source said of it just now
   * @throws {Refusal} where the target has something else by that name
   * @throws {ClientError}
   */
  async copy(listed: StreamInfo): Promise<Outcome> {
    for (let start = 1;; start++) {
      try {
        return await this.#copy(listed);
      } catch (error) {
        const isOvertaken = error instanceof ClientError && error.code === "offset_mismatch";
        if (!isOvertaken) throw error;
        this.#writer = undefined;
        if (start < MAX_STARTS) continue;
        throw new Refusal("somebody else writes to it at the target");
      }
    }
  }

  async #copy(info: StreamInfo): Promise<Outcome> {
    if (this.#settings.isDryRun) return await this.#foresee(info);
    const opened = await this.#open(info);
    try {
      return await this.#transfer(opened, contentTypeOf(info));
    } catch (error) {
      throw isMissing(error) ? await this.#explainMissing(error) : error;
    } finally {
      await opened.source.close();
    }
  }

  async #transfer(opened: Opened, contentType: string): Promise<Outcome> {
    const { isChecked, onBytes } = this.#settings;
    const { source, writer } = opened;
    const digest = new ContentDigest(source.isJson);
    const start = writer.tail;
    for (let batch = await source.takeBatch(); batch; batch = await source.takeBatch()) {
      if (opened.isClosed) throw new Refusal("it is closed at the target, and the source has more");
      digest.add(batch.messages);
      await writer.append(batch.body);
      onBytes(batch.body.length);
    }
    const continued = this.#sourceOffset !== undefined;
    const sha256 = digest.end();
    if (isChecked && digest.bytes > 0) await this.#check(sha256, start, writer.tail, contentType);
    if (opened.isClosed && !source.isClosed) {
      throw new Refusal("it is closed at the target, and open at the source");
    }
    const closes = source.isClosed && !opened.isClosed;
    if (closes) await writer.close();
    this.#writer = writer;
    this.#sourceOffset = source.offset;
    this.#isClosed = source.isClosed;
    const offsets = { sourceOffset: source.offset, targetOffset: writer.tail };
    if (digest.bytes === 0 && !closes && !opened.created) return { outcome: "equal", ...offsets };
    return {
      outcome: "copied",
      messages: digest.messages,
      bytes: digest.bytes,
      continued,
      resumedBytes: opened.resumedBytes,
      sha256: isChecked ? sha256 : undefined,
      forkOf: opened.forkOf,
      flattened: opened.flattened ?? false,
      closed: source.isClosed,
      ...offsets,
    };
  }

  /** Where to go on: as this copy left it, at a stream that it makes, or behind what is there. */
  async #open(info: StreamInfo): Promise<Opened> {
    if (this.#writer !== undefined && this.#sourceOffset !== undefined) {
      return {
        source: this.#sourceFrom(this.#sourceOffset, info),
        writer: this.#writer,
        created: false,
        resumedBytes: 0,
        isClosed: this.#isClosed,
      };
    }
    const there = await this.#headAtTarget();
    return there === undefined ? await this.#create(info) : await this.#openExisting(info, there);
  }

  /** What the target has by that name. */
  async #headAtTarget(): Promise<StreamInfo | undefined> {
    const { to, signal } = this.#settings;
    try {
      return await to.session.client.head(this.name, { signal });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #create(info: StreamInfo): Promise<Opened> {
    const { to, signal } = this.#settings;
    const forked = this.fork && await forkAtTarget(to.session.client, this.fork, this.name, {
      ...lifetimeOf(info),
      signal,
    });
    if (forked !== undefined) {
      return {
        source: this.#sourceFrom(this.fork?.offset ?? START, info),
        writer: this.#writerAt(forked.nextOffset, info),
        created: true,
        resumedBytes: 0,
        forkOf: this.fork?.source,
        isClosed: false,
      };
    }
    const contentType = contentTypeOf(info);
    const { nextOffset } = await this.#createPlain(to.session.client, {
      contentType,
      ...lifetimeOf(info),
      signal,
    });
    return {
      source: this.#sourceFrom(START, info),
      writer: this.#writerAt(nextOffset, info),
      created: true,
      resumedBytes: 0,
      flattened: this.fork !== undefined,
      isClosed: false,
    };
  }

  async #createPlain(
    client: Client,
    options: Parameters<Client["create"]>[1],
  ): Promise<StreamInfo> {
    try {
      return await client.create(this.name, options);
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== "conflict") throw error;
      throw new Refusal(`the target refuses to create it: ${error.message.replace(/\.$/, "")}`);
    }
  }

  async #openExisting(info: StreamInfo, there: StreamInfo): Promise<Opened> {
    checkProperties(info, there);
    const { from, to, signal } = this.#settings;
    const source = this.#sourceFrom(START, info);
    const reader = to.session.client.reader(this.name, {
      readMode: "catch-up",
      maxElapsedMs: to.session.maxElapsedMs,
      signal,
    });
    const target = new StreamCursor(reader, contentTypeOf(info), there.nextOffset);
    try {
      const { outcome, same, sameBytes } = await compareStreams(source, target);
      if (outcome === "ahead") {
        // Another run may have copied what has come to the source since it was listed.
        const now = await from.session.client.head(this.name, { signal });
        if (now.nextOffset !== info.nextOffset) {
          await source.close();
          return await this.#openExisting(now, there);
        }
      }
      if (outcome === "different" || outcome === "ahead") {
        const unit = source.isJson ? "message" : "byte";
        const trimmed = info.earliestOffset === undefined
          ? ""
          : "; the source was trimmed, and has no more of what it began with";
        throw new Refusal(
          outcome === "different"
            ? `it has other content at the target, from ${unit} ${same + 1} on${trimmed}`
            : `it has more at the target than at the source, after ${unit} ${same}`,
        );
      }
      return {
        source,
        writer: this.#writerAt(target.offset, info),
        created: false,
        resumedBytes: sameBytes,
        isClosed: there.closed,
      };
    } catch (error) {
      await source.close();
      throw error;
    } finally {
      await target.close();
    }
  }

  /** Reads back what was appended. */
  async #check(sha256: string, from: string, to: string, contentType: string): Promise<void> {
    const { session } = this.#settings.to;
    const reader = session.client.reader(this.name, {
      offset: from,
      readMode: "catch-up",
      maxElapsedMs: session.maxElapsedMs,
      signal: this.#settings.signal,
    });
    const found = await digestOf(new StreamCursor(reader, contentType, to));
    await reader.close();
    if (found === sha256) return;
    this.#writer = undefined;
    // Another server may write JSON in its own way: that is no difference.
    const info = await this.#settings.from.session.client.head(this.name);
    const { source } = await this.#openExisting(
      info,
      await session.client.head(this.name),
    );
    await source.close();
  }

  async #explainMissing(error: ClientError): Promise<unknown> {
    const { from } = this.#settings;
    const isThere = await from.session.client.exists(this.name).catch(() => true);
    if (!isThere) return new GoneMeanwhile("it was deleted at the source while it was copied");
    return this.#sourceOffset !== undefined && error.code === "gone"
      ? new Refusal(
        "it was deleted and made again at the source: the target has what there was before",
      )
      : error;
  }

  /** What a run would do; only what the servers say of the streams is looked at. */
  async #foresee(info: StreamInfo): Promise<Outcome> {
    const tail = tokenPosition(info.nextOffset);
    const earliest = info.earliestOffset === undefined ? 0 : tokenPosition(info.earliestOffset);
    const bytes = tail === undefined || earliest === undefined ? undefined : tail - earliest;
    const there = await this.#headAtTarget();
    if (there === undefined) return { outcome: "would copy", bytes };
    checkProperties(info, there);
    return { outcome: "would compare", bytes };
  }

  #sourceFrom(offset: string, info: StreamInfo): StreamCursor {
    const { session } = this.#settings.from;
    const reader = session.client.reader(this.name, {
      offset,
      readMode: "catch-up",
      maxElapsedMs: session.maxElapsedMs,
      signal: this.#settings.signal,
    });
    return new StreamCursor(reader, contentTypeOf(info), info.nextOffset);
  }

  #writerAt(tail: string, info: StreamInfo): TargetWriter {
    const { to, epoch, signal, producerId } = this.#settings;
    return new TargetWriter({
      session: to.session,
      name: this.name,
      contentType: contentTypeOf(info),
      producerId: producerId(this.name),
      epoch,
      signal,
    }, tail);
  }
}

/** The stream was deleted at the source while it was copied. */
export class GoneMeanwhile extends Error {
  override readonly name = "GoneMeanwhile";
}

function contentTypeOf({ contentType }: StreamInfo): string {
  return contentType ?? DEFAULT_CONTENT_TYPE;
}

function lifetimeOf(
  { ttlSeconds, expiresAt }: StreamInfo,
): { ttlSeconds?: number; expiresAt?: Date } {
  if (ttlSeconds !== undefined) return { ttlSeconds };
  return expiresAt === undefined ? {} : { expiresAt };
}

/** @throws {Refusal} where the target's stream is of another kind */
function checkProperties(info: StreamInfo, there: StreamInfo): void {
  const [ours, theirs] = [contentTypeOf(info), contentTypeOf(there)];
  if (!sameContentType(ours, theirs)) {
    throw new Refusal(`it is ${theirs} at the target, and ${ours} at the source`);
  }
  const isSameLife = info.ttlSeconds === there.ttlSeconds &&
    info.expiresAt?.getTime() === there.expiresAt?.getTime();
  if (isSameLife) return;
  throw new Refusal(`it ${lifeText(there)} at the target, and ${lifeText(info)} at the source`);
}

function lifeText({ ttlSeconds, expiresAt }: StreamInfo): string {
  if (ttlSeconds !== undefined) return `has a TTL of ${ttlSeconds} s`;
  return expiresAt === undefined ? "never expires" : `expires at ${expiresAt.toISOString()}`;
}
