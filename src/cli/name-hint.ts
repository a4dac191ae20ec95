import type { ApiClient } from "../client/api-client.ts";
import { ClientFault } from "../client/client-fault.ts";
import { getDocument } from "../client/document-shape.ts";
import { PACKAGE_LIST, type PackageListDocument } from "../client/registry-documents.ts";

/**
 * Runs `work`, which asks for a package. If there is none of that name, the failure also has what
 * the registry's own search finds for it, so that a typing error shows.
 */
export async function suggestingNames<T>(client: ApiClient, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ClientFault) || cause.problem.code !== "package_not_found") throw cause;
    const found = await resembling(client, name);
    if (found.length === 0) throw cause;
    const detail = `There is no package ${name} at ${client.address.url}. Did you mean ${found.join(", ")}?`;
    throw new ClientFault(cause.kind, { ...cause.problem, detail });
  }
}

/** The hint is not worth a failure of its own. */
async function resembling(client: ApiClient, name: string): Promise<string[]> {
  const path = `/api/packages?search=${encodeURIComponent(name)}&pageSize=3`;
  const list = await getDocument<PackageListDocument>(client, path, PACKAGE_LIST).catch(() => undefined);
  return (list?.items ?? []).map((item) => item.name);
}
