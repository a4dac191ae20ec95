import { bytesOf, concat } from "../../support/archive-maker.ts";

const BLOCK = 512;
const SIZE_AT = 124;
const CHECKSUM_AT = 148;

/** A header block and the content after it, as they are in a tar. */
export interface Member {
  readonly header: Uint8Array;
  readonly content: Uint8Array;
  /** The bytes that fill the last block of the content. */
  readonly fill: number;
}

/** Reads the members of a tar that a packer wrote, up to its end blocks. */
export function membersOf(tar: Uint8Array): Member[] {
  const members: Member[] = [];
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const header = tar.slice(at, at + BLOCK);
    const size = Number.parseInt(textAt(header, SIZE_AT, 12), 8);
    members.push({ header, content: tar.slice(at + BLOCK, at + BLOCK + size), fill: 0 });
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return members;
}

/** Builds a tar of these members and this end. */
export function tarOf(members: readonly Member[], end: Uint8Array): Uint8Array {
  const blocks = members.flatMap(({ header, content, fill }) => {
    return [header, content, new Uint8Array((BLOCK - (content.length % BLOCK)) % BLOCK).fill(fill)];
  });
  return concat([...blocks, end]);
}

/** Returns the text of a field up to its first zero. */
export function textAt(header: Uint8Array, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const zero = field.indexOf(0);
  return new TextDecoder().decode(zero === -1 ? field : field.subarray(0, zero));
}

/**
 * Returns the member with another field, zeros in the rest of the field, and a correct checksum.
 */
export function withField(member: Member, at: number, length: number, value: string | Uint8Array): Member {
  const header = member.header.slice();
  header.fill(0, at, at + length);
  header.set(bytesOf(value).subarray(0, length), at);
  return { ...member, header: withChecksum(header) };
}

/** Returns the member with other content and its size. */
export function withContent(member: Member, content: Uint8Array): Member {
  const size = `${content.length.toString(8).padStart(11, "0")}\0`;
  return { ...withField(member, SIZE_AT, 12, size), content };
}

/** Returns the member with a correct checksum in another form; `form` gets its octal digits. */
export function withChecksumText(member: Member, form: (digits: string) => string): Member {
  const header = member.header.slice();
  header.set(bytesOf(form(checksumOf(header).toString(8))).subarray(0, 8), CHECKSUM_AT);
  return { ...member, header };
}

function withChecksum(header: Uint8Array): Uint8Array {
  header.set(bytesOf(`${checksumOf(header).toString(8).padStart(6, "0")}\0 `), CHECKSUM_AT);
  return header;
}

/** Returns the checksum of a header, and leaves its field filled with spaces. */
function checksumOf(header: Uint8Array): number {
  header.fill(0x20, CHECKSUM_AT, CHECKSUM_AT + 8);
  return header.reduce((total, byte) => total + byte, 0);
}
