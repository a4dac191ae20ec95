import { expect, test } from "bun:test";
import { isHttpLink } from "../../src/domain/http-link.ts";

test.each([
  "https://example.org",
  "http://example.org/a?b#c",
  "HTTPS://EXAMPLE.ORG",
  "https://[::1]:8080/",
  "http://é.org/ü",
])("%s is a link that may be shown", (text) => expect(isHttpLink(text)).toBe(true));

test.each([
  "javascript:alert(1)",
  "JavaScript://example.org/%0aalert(1)",
  " javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:x",
  "file:///etc/passwd",
  "ftp://example.org",
  "git@example.org:a/b.git",
  "git+https://example.org/a",
  "//example.org",
  "example.org",
  "https:example.org",
  "https:///example.org",
  "https://",
  "https:// example.org",
  "https://exa mple.org",
  "\u202ehttps://example.org",
  "",
])("%j is no link that may be shown", (text) => expect(isHttpLink(text)).toBe(false));
