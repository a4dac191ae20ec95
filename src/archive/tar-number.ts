/** A field of a header block. */
export interface HeaderField {
  readonly at: number;
  readonly bytes: number;
}

const SPACE = 0x20;
/** The first byte of a base-256 number that is not negative. */
const BASE_256 = 0x80;
/** GNU tar reads owners as 32-bit numbers and fails on larger ones. */
const OWNER_MAX = 0xffff_ffff;

/**
 * Reads octal digits, with spaces before them, followed by one or more NULs or spaces up to the end
 * of the field. Returns undefined for everything else.
 */
export function readOctal(block: Uint8Array, field: HeaderField): number | undefined {
  const number = scanOctal(block, field);
  return number === undefined || number.end === field.at + field.bytes ? undefined : number.value;
}

/**
 * Returns whether every reader reads a number from this field of an owner or a device. Packers
 * write numbers above 2097151 without an end (bsdtar) or in base-256 (GNU tar, Python).
 */
export function isOwnerNumber(block: Uint8Array, field: HeaderField): boolean {
  return block[field.at] === BASE_256 ? readBase256(block, field) <= OWNER_MAX : scanOctal(block, field) !== undefined;
}

/** Reads octal digits and checks what follows them. Their end may be the end of the field. */
function scanOctal(block: Uint8Array, field: HeaderField): { value: number; end: number } | undefined {
  const fieldEnd = field.at + field.bytes;
  let at = field.at;
  while (at < fieldEnd && block[at] === SPACE) at += 1;
  const start = at;
  let value = 0;
  for (; at < fieldEnd; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  if (at === start) return undefined;
  for (let after = at; after < fieldEnd; after++) {
    const byte = block[after];
    if (byte !== 0 && byte !== SPACE) return undefined;
  }
  return { value, end: at };
}

function readBase256(block: Uint8Array, field: HeaderField): number {
  let value = 0;
  for (let at = field.at + 1; at < field.at + field.bytes; at++) value = value * 256 + (block[at] ?? 0);
  return value;
}
