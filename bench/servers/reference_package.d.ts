/** The part of the reference server that the bench starts; it is installed only when it is measured. */
declare module "@durable-streams/server" {
  export class DurableStreamTestServer {
    constructor(options: { port: number; host: string; dataDir?: string });
    readonly url: string;
    start(): Promise<string>;
    stop(): Promise<void>;
  }
}
