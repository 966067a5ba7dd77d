/** The part of the catalogue that a repair of the log needs. */
export interface CatalogView {
  readonly uuid: string;
  /** All records up to this one are in the rows. */
  readonly lsn: number;
  /** The newest record that any row includes: later ones need a greater number. */
  readonly newestLsn: number;
  /** A stream's row; `undefined` where there is no whole one. */
  rowOf(id: number): RowView | undefined;
  /** A subscription's row; `undefined` where there is no whole one. */
  subscriptionOf(id: number): RowView | undefined;
}

/** What a repair of the log needs of a row. */
export interface RowView {
  readonly name: string;
  /** The newest record that it includes. */
  readonly lsn: number;
}
