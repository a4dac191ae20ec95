import type { TSchema } from "elysia";
import { TypeCompiler } from "elysia/type-system";
import { type Fault, failure } from "../errors.ts";

/**
 * Checks a value that did not arrive over HTTP against the schema of a body. Throws
 * `validation_failed` with one fault for each invalid field.
 */
export function requireForm(schema: TSchema, value: unknown): void {
  const faults = new Map<string, Fault>();
  for (const { path, schema: broken } of TypeCompiler.Compile(schema).Errors(value)) {
    faults.set(path, { path, message: String(broken.error) });
  }
  if (faults.size > 0) throw failure({ code: "validation_failed", faults: [...faults.values()] });
}
