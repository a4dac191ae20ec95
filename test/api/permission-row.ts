import type { Client } from "../support/client.ts";
import type { Results } from "./permission-results.ts";
import type { World } from "./permission-roles.ts";

/** A request but for its method. */
export interface Asked {
  readonly path: string;
  readonly body?: object;
}

/** One operation of /swagger/json, in one of its uses. */
export interface Row {
  /** Such as `GET /api/packages/{name}`. */
  readonly operation: string;
  /** Which use of it, where it has several. */
  readonly use?: string;
  readonly results: Results;
  /** With READ_ACCESS=authenticated, where that makes a difference. */
  readonly closed?: Results;
  /**
   * Makes what the request is about, and says how to ask for it rightly: `by` is the session of the account whose
   * credential is sent, or is made to look so.
   */
  readonly prepare: (world: World) => Promise<(by: Client) => Asked | Promise<Asked>>;
}

export type Prepare = Row["prepare"];

/** A request that is the same for everybody. */
export const plainly =
  (path: string, body?: object): Prepare =>
  async () =>
  () =>
    body === undefined ? { path } : { path, body };
