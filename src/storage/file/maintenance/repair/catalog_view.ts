/** What a repair of the log asks the catalogue. */
export interface CatalogView {
  readonly uuid: string;
  /** All records up to this one are in the rows. */
  readonly lsn: number;
  /** The newest record that any row includes: later ones need a greater number. */
  readonly newestLsn: number;
  /** A stream's row; `undefined` where there is none that checks. */
  rowOf(id: number): { readonly name: string; readonly lsn: number } | undefined;
}
