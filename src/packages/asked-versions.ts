import { parseVersion } from "../domain/version.ts";
import { failure } from "../errors.ts";
import { VERSIONS_PAGE_MAX, type VersionsPage } from "./read.ts";

/** The parameters of the document of a package. A cursor takes the place of a page. */
interface VersionsParameters {
  readonly cursor?: string;
  readonly page?: number;
  readonly pageSize?: number;
}

/** Reads which versions a request asks for. Throws `validation_failed`. */
export function askedVersions({
  cursor,
  page = 1,
  pageSize: max = VERSIONS_PAGE_MAX,
}: VersionsParameters): VersionsPage {
  if (cursor === undefined) return { skipped: (page - 1) * max, max };
  const below = parseVersion(cursor)?.order;
  if (below !== undefined) return { below, max };
  const message = "must be the nextCursor of the previous answer, which is a version";
  throw failure({ code: "validation_failed", faults: [{ path: "/cursor", message }] });
}
