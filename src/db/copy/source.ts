import type { CopiedTable, CopiedValue } from "./tables.ts";

/** Some rows of a table, with the values of its columns in their order. */
export type CopiedRows = readonly (readonly CopiedValue[])[];

/** The text columns of a package that its search row is made of. The lists are JSON. */
export interface SearchTexts {
  readonly description: string;
  readonly tags: string;
  readonly authors: string;
}

/** A search row and the texts that it is made of. */
export interface SearchSource extends SearchTexts {
  readonly row: readonly CopiedValue[];
}

/** One state of a database, which is read while others may change it. */
export interface RowSource {
  readonly kind: "sqlite" | "postgres";
  /** Returns the number of rows of a table. */
  count(table: CopiedTable): Promise<number>;
  /** Yields the rows of a table, a bounded number at a time. */
  rows(table: CopiedTable): AsyncIterable<CopiedRows>;
  /** Yields the search rows with their texts. `table` is that of the search rows. */
  searchRows(table: CopiedTable): AsyncIterable<readonly SearchSource[]>;
  /**
   * Returns the last id that was given out for each table. Ids of rows that are gone are not given
   * out again.
   */
  lastIds(): Promise<ReadonlyMap<string, number>>;
}

/**
 * An empty database that receives rows, in one transaction or in a file that nobody knows before it
 * is whole.
 */
export interface RowTarget {
  readonly kind: "sqlite" | "postgres";
  write(table: Pick<CopiedTable, "name" | "columns">, rows: CopiedRows): Promise<void>;
  /** Makes the next id of each table follow the given one. */
  setLastIds(ids: ReadonlyMap<string, number>): Promise<void>;
}

/**
 * Returns what to subtract from the transaction ids of events. Those of a Postgres mean nothing
 * elsewhere: there they could be still to come. Below zero they keep their order and precede all new
 * ones (events/final-events.ts).
 */
export function transactionShift(largest: number): number {
  return largest > 0 ? largest + 1 : 0;
}

/** Makes a search row of a row whose last columns are description, tags and authors. */
export function searchSource(values: readonly CopiedValue[]): SearchSource {
  const [description, tags, authors] = values.slice(-3).map(String);
  return {
    row: values.slice(0, -3),
    description: description ?? "",
    tags: tags ?? "[]",
    authors: authors ?? "[]",
  };
}
