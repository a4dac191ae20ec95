import { readFirstYaml } from "./yaml.ts";
import { checkValue } from "./yaml-decode.ts";

/**
 * What the client makes of `values.yaml`: it decodes the first document into a map. "unknown" is a
 * document that is longer or deeper than this registry reads.
 */
export type ValuesCheck =
  | { readonly state: "ok" | "empty" | "unknown" }
  | { readonly state: "broken"; readonly reason: string };

/** Checks whether the client can read these bytes as `values.yaml`. */
export function checkValues(bytes: Uint8Array): ValuesCheck {
  const { root, faults } = readFirstYaml(bytes);
  const [fault] = faults;
  if (fault?.code === "yaml_too_deep" || fault?.code === "yaml_too_complex") return { state: "unknown" };
  if (fault !== undefined) return { state: "broken", reason: fault.message };
  if (root === undefined) return { state: "empty" };
  let problem: string | undefined;
  checkValue(root, "", (path, code, message) => {
    // The client's values may be any bytes.
    if (code !== "yaml_not_utf8") problem ??= `${path.slice(1)} ${message}`.trim();
  });
  if (problem !== undefined) return { state: "broken", reason: problem };
  if (root.kind === "scalar" && root.tag === "!!null") return { state: "empty" };
  return root.kind === "map" ? { state: "ok" } : { state: "broken", reason: "must be a map of values" };
}
