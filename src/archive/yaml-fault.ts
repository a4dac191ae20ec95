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
