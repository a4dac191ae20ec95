import type { Fault, RegistryError } from "../errors.ts";

/** A code of `RegistryError`. */
export type ErrorCode = RegistryError["code"];

/** What depends on the failure. `detail` says what happened and what to do. */
export interface Particulars {
  readonly detail: string;
  readonly errors?: readonly Fault[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a failure with one code is answered. */
export interface Problem<E> {
  readonly status: number;
  readonly title: string;
  readonly particulars: (error: E) => Particulars;
}

/** One problem for each code: a member of `RegistryError` without one does not compile. */
export type Problems = { readonly [C in ErrorCode]: Problem<Extract<RegistryError, { code: C }>> };

/** Makes the problem of one code. */
export function problem<E>(status: number, title: string, particulars: (error: E) => Particulars): Problem<E> {
  return { status, title, particulars };
}

/** The header that tells a client when to try again. */
export function retryAfter(seconds: number): Record<string, string> {
  return { "retry-after": String(seconds) };
}

/** When a client should come back that was refused because descriptors or memory ran out. */
export const BUSY_RETRY_SECONDS = 2;
