/** The part of the catalogue that a repair of the log needs. */
export interface CatalogView {
  readonly uuid: string;
  /** All records up to this one are in the rows. */
  readonly lsn: number;
  /** The newest record that any row includes: later ones need a greater number. */
  readonly newestLsn: number;
  /** A stream's row; `undefined` where there is no whole one. */
  rowOf(id: number): { readonly name: string; readonly lsn: number } | undefined;
}
