import type { YamlCursor } from "./yaml-cursor.ts";

/*
 * yaml.v3 keeps comments, so it looks ahead for them, at most this far. What it skips on the
 * way decides which documents it reads: a tab before a comment is refused, unless another comment
 * stands above. It looks at bytes, so it goes no further than a line break that is not ASCII.
 */

const LOOK_AHEAD_MAX = 512;
const HASH = 0x23;

/** Moves past a comment on the line of the token that was read last. */
export function skipLineComment(cursor: YamlCursor): void {
  if (cursor.newlines > 0) return;
  let ahead = 0;
  while (ahead < LOOK_AHEAD_MAX && cursor.isBlank(ahead)) ahead += 1;
  if (ahead < LOOK_AHEAD_MAX && cursor.at(ahead) === HASH) cursor.skipLine();
}

/** Moves past the comments that begin here, with the blank lines between them. */
export function skipComments(cursor: YamlCursor): void {
  let ahead = 0;
  while (ahead < LOOK_AHEAD_MAX) {
    if (cursor.at(ahead) === HASH) {
      const start = cursor.position + ahead;
      while (cursor.position < start) {
        if (cursor.isBreak()) cursor.skipBreak();
        else cursor.skip();
      }
      cursor.skipLine();
      // The first byte of the line break after the comment is not looked at.
      if (!cursor.isAsciiBreak(0)) return;
      ahead = 0;
    } else if (!cursor.isBlank(ahead) && !cursor.isAsciiBreak(ahead)) return;
    ahead += 1;
  }
}
