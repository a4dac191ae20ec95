import type { ApiClient } from "./api-client.ts";
import { clientFault } from "./client-fault.ts";

/**
 * What a document has to have for a command to read it. The API describes documents in full; loading
 * that description would load the server.
 */
export type Shape =
  | "string"
  | "number"
  | "boolean"
  | "unknown"
  | { readonly optional: Shape }
  | { readonly each: Shape }
  | { readonly members: Readonly<Record<string, Shape>> };

/** A member that may be null or missing. */
export const optional = (shape: Shape): Shape => ({ optional: shape });
/** A list. */
export const each = (shape: Shape): Shape => ({ each: shape });
/** An object. It may have more members. */
export const members = (shapes: Readonly<Record<string, Shape>>): Shape => ({ members: shapes });

/**
 * Returns the document of a GET. Throws `ClientFault` if it lacks what `shape` says, so that no
 * command fails halfway through an answer that is none.
 */
export async function getDocument<T>(client: ApiClient, path: string, shape: Shape): Promise<T> {
  const body = await client.get<unknown>(path);
  if (fits(body, shape)) return body as T;
  const detail = `${client.address.url} does not answer as a registry does. Is the address right, and is the registry as new as this program?`;
  throw clientFault("unavailable", "client_not_a_registry", detail);
}

function fits(value: unknown, shape: Shape): boolean {
  if (typeof shape === "string") return shape === "unknown" || typeof value === shape;
  if ("optional" in shape) return value === null || value === undefined || fits(value, shape.optional);
  if ("each" in shape) return Array.isArray(value) && value.every((item) => fits(item, shape.each));
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(shape.members).every(([name, inner]) => fits(Reflect.get(value, name), inner));
}
