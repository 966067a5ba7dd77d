/** What a storage is doing that is being opened. */
export type StartProgress =
  /** It takes the directory over, or tidies up. */
  | { readonly state: "starting" }
  /**
   * It reads the log: first all of it, to `check` whether it is whole, then what is to be applied to the
   * streams, to `apply` that.
   */
  | {
    readonly state: "recovering";
    readonly step: "check" | "apply";
    /** How much of the log's files this step is through with. */
    readonly readBytes: number;
    /** How much it has to read; more than the log holds, whose files are longer than what is in them. */
    readonly logBytes: number;
  };
