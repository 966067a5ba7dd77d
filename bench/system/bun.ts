/**
 * The part of the Bun global that the bench uses, declared here so that the bench type-checks under
 * Deno without installing Bun's types.
 */
export interface BunFileLike extends Blob {
  slice(start: number, end: number): Blob;
}

/** A socket of `Bun.connect`. */
export interface BunSocket<State> {
  data: State;
  write(bytes: Uint8Array, offset?: number, length?: number): number;
  end(): void;
  terminate(): void;
  setNoDelay(on: boolean): boolean;
}

/** What `Bun.connect` calls back. */
export interface BunSocketHandlers<State> {
  open?(socket: BunSocket<State>): void;
  data(socket: BunSocket<State>, bytes: Uint8Array): void;
  drain?(socket: BunSocket<State>): void;
  close?(socket: BunSocket<State>): void;
  error?(socket: BunSocket<State>, error: Error): void;
  connectError?(socket: BunSocket<State>, error: Error): void;
}

/** The functions of the Bun global that the bench calls. */
export interface BunGlobal {
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    fetch(request: Request): Response | Promise<Response>;
  }): { port: number };
  file(path: string): BunFileLike;
  nanoseconds(): number;
  connect<State>(options: {
    hostname: string;
    port: number;
    data: State;
    socket: BunSocketHandlers<State>;
  }): Promise<BunSocket<State>>;
}

// Declared for this module only, so that it can't clash with another declaration of the same global.
declare const Bun: BunGlobal | undefined;

/** The Bun global, where there is one. */
export function bun(): BunGlobal | undefined {
  return typeof Bun === "undefined" ? undefined : Bun;
}
