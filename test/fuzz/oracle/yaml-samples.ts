/** Manifests to mutate, with every part of YAML that people use. */
export const YAML_SAMPLES: readonly [string, ...string[]] = [
  `apiVersion: v1
name: hello
version: 1.10.0
description: |
  Says hello,
  in several languages.

   # not a comment
maintainers:
- name: Alice Adams # who began it
  email: alice@example.org
- {name: Bob, url: "https://example.org/b?a=1#c"}
dependencies:
  - name: greetings
    version: ">=1.0.0 <2.0.0"
tags: [demo, 'it''s', "a\\tb"]
license: Apache-2.0
`,
  `# A comment
---
name: 'folded'
version: "0.1.0"
homepage: >
  https://example.org/hello
description: >-
  first
  second

  third
    indented
conditions:
  colonyOSVersion: 1.10
  architecture: amd64
inputs:
  - key: gpu
    label: GPUs
    required: yes
    type: int
    default: 2
  - key: debug
    required: false
    default: false
    options:
      - true
      - no
  - {key: size, default: {a: [1, 2.5, ~], b: 0x10}}
...
`,
  `{"name": "json", "version": "1.0.0", "tags": ["a", "b"],
 "inputs": [{"key": "k", "default": null, "required": true}],
 "maintainers": [
  {"name": "A"}
 ]
}
`,
  `name: plain
  text over
  lines
version: 1.0.0
? license
: MIT
unknown:
  anchors: &base {a: 1}
  list:
    -   - nested
        - twice
    - - x

    # between
  map: {a: 1, b: [c, d: e, ? f : g]}
tags:
  - a  # one
  # two
  - b
repository: http://example.org/x:y
`,
  `apiVersion: v1
name: !!str tagged
version: 1.0.0
<<: {description: merged, license: ISC}
x: !custom {a: !!int "3"}
inputs:
- key: when
  default: 2026-01-02
- key: float
  default: 1e3
- key: big
  default: 18446744073709551615
- default: !!binary aGVsbG8=
- default: |+
    kept

- default: {<<: {a: 1}, b: 2}
`,
];
