/** Where a listener takes connections. */
export type ListenerKind = "tcp" | "tls" | "unix";

/** What a client took too long for: each has a limit of its own. */
export type TimeoutReason = "handshake" | "head" | "idle" | "unread" | "end";

/** What has become of a listener's connections: plain numbers. */
export class ConnectionCounts {
  readonly listener: ListenerKind;
  open = 0;
  accepted = 0;
  /** Because as many were open as may, or no descriptor was left for more. */
  refused = 0;
  /** Ended because their client took too long. */
  readonly timedOut: Record<TimeoutReason, number> = {
    handshake: 0,
    head: 0,
    idle: 0,
    unread: 0,
    end: 0,
  };

  constructor(listener: ListenerKind = "tcp") {
    this.listener = listener;
  }
}
