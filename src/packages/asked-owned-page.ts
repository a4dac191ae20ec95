import { parsePackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import type { OwnedPage } from "./list-owned.ts";

/** Reads which packages of an account a request asks for. Throws `validation_failed`. */
export function askedOwnedPage({ cursor, pageSize = 20 }: { readonly cursor?: string; readonly pageSize?: number }) {
  const after = cursor === undefined ? undefined : parsePackageName(cursor);
  if (after === cursor) return { after, pageSize } satisfies OwnedPage;
  const message = "must be the nextCursor of the previous answer, which is the name of a package";
  throw failure({ code: "validation_failed", faults: [{ path: "/cursor", message }] });
}
