import { YAML_DEPTH_MAX } from "../domain/limits.ts";
import type { YamlFaultCode } from "./archive-fault.ts";

/** Thrown inside the reader when a document cannot be read further. `readYaml` makes it a fault. */
export class YamlSyntaxError extends Error {
  override readonly name = "YamlSyntaxError";
  readonly code: YamlFaultCode;

  /** `line` counts from zero, as the cursor does. */
  constructor(line: number, message: string, code: YamlFaultCode = "yaml_invalid") {
    super(`line ${line + 1}: ${message}`);
    this.code = code;
  }
}

/** Makes the error for maps and lists that are nested too deeply to be read by recursion. */
export function tooDeep(line: number): YamlSyntaxError {
  const message = `maps and lists are nested deeper than ${YAML_DEPTH_MAX} levels: flatten them`;
  return new YamlSyntaxError(line, message, "yaml_too_deep");
}
