import type { Directive, ScannedTag } from "./yaml-tags.ts";

/** A token. Indentation makes the marks of block collections. */
export type YamlToken = { readonly line: number } & (
  | { readonly type: YamlMark }
  | { readonly type: "scalar"; readonly text: string; readonly isPlain: boolean }
  | { readonly type: "anchor" | "alias"; readonly name: string }
  | { readonly type: "tag"; readonly tag: ScannedTag }
  | { readonly type: "directive"; readonly directive: Directive }
);

/** The type of a token that has no content. */
export type YamlMark =
  | "stream-end"
  | "document-start"
  | "document-end"
  | "block-sequence-start"
  | "block-mapping-start"
  | "block-end"
  | "block-entry"
  | "flow-sequence-start"
  | "flow-sequence-end"
  | "flow-mapping-start"
  | "flow-mapping-end"
  | "flow-entry"
  | "key"
  | "value";
