import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "../support/client.ts";
import { type ApiDescription, operationsOf } from "./api-description.ts";
import type { Results } from "./permission-results.ts";
import type { World } from "./permission-roles.ts";

/** A request without its method. */
export interface Asked {
  readonly path: string;
  readonly body?: object;
}

/** One operation of /swagger/json, in one of its uses. */
export interface Row {
  /** Such as `GET /api/packages/{name}`. */
  readonly operation: string;
  /** The use, if the operation has several. */
  readonly use?: string;
  readonly results: Results;
  /** The results with READ_ACCESS=authenticated, if they differ. */
  readonly closed?: Results;
  /**
   * Makes what the request is about, and returns how to send it correctly. `by` is the session of
   * the account that the credential belongs to, or seems to belong to.
   */
  readonly prepare: (world: World) => Promise<(by: Client) => Asked | Promise<Asked>>;
}

export type Prepare = Row["prepare"];

/** A request that is the same for every role. */
export const plainly =
  (path: string, body?: object): Prepare =>
  async () =>
  () =>
    body === undefined ? { path } : { path, body };

/** The method of an operation. */
export const methodOf = ({ operation }: Row) => operation.split(" ")[0] ?? "";

/** Whether an operation changes nothing. */
export const isRead = (row: Row) => ["GET", "HEAD"].includes(methodOf(row));

/**
 * The documented fields of every operation that takes a body, by operation. They are those of the
 * golden file, which equals /swagger/json (openapi.test.ts).
 */
export const BODIES: ReadonlyMap<string, { readonly isJson: boolean; readonly fields: readonly string[] }> = (() => {
  const api: ApiDescription = JSON.parse(readFileSync(join(import.meta.dir, "../golden/openapi.json"), "utf8"));
  return new Map(
    operationsOf(api).flatMap(({ method, path, operation: { requestBody } }) => {
      const [type, { schema } = { schema: {} }] = Object.entries(requestBody?.content ?? {})[0] ?? [];
      const fields = Object.keys(schema.properties ?? {});
      return type === undefined
        ? []
        : [[`${method} ${path}`, { isJson: type === "application/json", fields }] as const];
    }),
  );
})();

/** Rows with names that stand alone, for `test.each`. */
export const namedRows = (rows: readonly Row[]) =>
  rows.map((row) => [row.use === undefined ? row.operation : `${row.operation}: ${row.use}`, row] as const);
