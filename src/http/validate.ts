import type { Static, TSchema } from "elysia";
import { TypeCompiler } from "elysia/type-system";
import { type Fault, failure } from "../errors.ts";

/** One fault for each field, by the last rule that it breaks. */
function faultsOf(broken: Iterable<{ readonly path: string; readonly schema: TSchema }>): Fault[] {
  const faults = new Map<string, Fault>();
  for (const { path, schema } of broken) faults.set(path, { path, message: String(schema.error) });
  return [...faults.values()];
}

/**
 * Returns a value that did not arrive as JSON over HTTP, checked against the schema of a body.
 * Throws `validation_failed` with one fault for each invalid field.
 */
export function parseForm<Schema extends TSchema>(schema: Schema, value: unknown): Static<Schema> {
  const compiled = TypeCompiler.Compile(schema);
  if (compiled.Check(value)) return value;
  throw failure({ code: "validation_failed", faults: faultsOf(compiled.Errors(value)) });
}

/** `parseForm` for callers that have the value with its type already. */
export function requireForm(schema: TSchema, value: unknown): void {
  parseForm(schema, value);
}
