import { t } from "elysia";
import { failure } from "../errors.ts";
import { wholeNumber } from "../http/integer-parameter.ts";
import { oneOf } from "../http/schemas.ts";
import { KEY_ACTIONS, REMOVAL_REASONS } from "../signing/key-statements.ts";

/** Encoded bytes. The use case decodes them and checks their length. */
const Encoded = (what: string) =>
  t.String({ minLength: 1, maxLength: 256, error: `must be ${what} as hex, base64 or base64url` });

const PublicKey = Encoded("a public key of 32 bytes");
const Signature = Encoded("a signature of 64 bytes");
const Previous = t.String({
  pattern: "^[0-9a-f]{64}$",
  error: "must be the value of previous in GET /api/packages/{name}/keys, 64 hex digits",
});

/**
 * Reads the time of a statement. Throws `validation_failed` at `path` for a date that the calendar
 * does not have.
 */
export function timeOf(text: string, path = "/at"): Date {
  const at = new Date(text);
  if (!Number.isNaN(at.getTime())) return at;
  throw failure({ code: "validation_failed", faults: [{ path, message: "must be a date that exists" }] });
}

/** When a statement was signed; whole seconds, as the statement has it. */
const SignedAt = t.String({
  pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$",
  error: "must be the time in the statement, in UTC and whole seconds, such as 2026-11-29T12:00:00Z",
});

/** The body of `POST /api/auth/keys/challenge`. */
export const ChallengeBody = t.Object({ publicKey: PublicKey });

/** The body of `POST /api/auth/keys`. `signature` covers the statement of the challenge. */
export const RegisterKeyBody = t.Object({
  publicKey: PublicKey,
  nonce: t.String({ pattern: "^[0-9a-f]{64}$", error: "must be the nonce of POST /api/auth/keys/challenge" }),
  signature: Signature,
  label: t.Optional(
    t.String({
      maxLength: 100,
      pattern: "^[^\\u0000-\\u001f\\u007f]*$",
      error: "must be at most 100 characters in one line",
    }),
  ),
});

/** The body that pins another key to a package. An active key and the new one sign the change. */
export const AddKeyBody = t.Object({
  publicKey: PublicKey,
  previous: Previous,
  at: SignedAt,
  signature: Signature,
  newKeySignature: Signature,
});

/** The body that removes a key from a package. `since` goes with `compromised` only. */
export const RemoveKeyBody = t.Object({
  previous: Previous,
  at: SignedAt,
  signature: Signature,
  reason: oneOf(REMOVAL_REASONS),
  since: t.Optional(t.String({ minLength: 1, maxLength: 64, error: "must be a version of this package" })),
});

/** The body that asks for a reset to one new key, which signs it. */
export const ResetKeysBody = t.Object({
  publicKey: PublicKey,
  previous: Previous,
  at: SignedAt,
  newKeySignature: Signature,
});

/** The body that cancels a reset: all three fields, signed by a key, or none for an owner. */
export const CancelResetBody = t.Object({
  previous: t.Optional(Previous),
  at: t.Optional(SignedAt),
  signature: t.Optional(Signature),
});

/** Keys that are removed together with their owner. */
export const OwnerKeysBody = t.Object({
  keys: t.Optional(
    t.Array(
      t.Object({
        keyId: t.String({ pattern: "^[0-9a-f]{32}$", error: "must be the id of a key, 32 hex digits" }),
        previous: Previous,
        at: SignedAt,
        signature: Signature,
      }),
      { maxItems: 20, error: "must be at most 20 keys" },
    ),
  ),
});

const NullableText = (description: string) => t.Unsafe<string | null>({ type: "string", nullable: true, description });

/** The query of `GET /api/packages/{name}/log`. */
export const PackageLogQuery = t.Object({
  version: t.Optional(
    t.String({ maxLength: 64, description: "Only the leaves that say who may sign this version, and its own" }),
  ),
  size: t.Optional(
    wholeNumber({ description: "Proofs lead to the tree of so many leaves; to the newest without it", zeros: 15 }),
  ),
  after: t.Optional(wholeNumber({ description: "`next` of the page before", minimum: 0, zeros: 15 })),
});

const PackageLogSchema = t.Object({
  origin: t.String(),
  size: t.Integer({ description: "The tree that the proofs lead to" }),
  checkpoint: NullableText("The signed note of that tree; null when an older one was asked for"),
  entries: t.Array(
    t.Object({
      index: t.Integer(),
      leaf: t.String({ description: "The leaf of the log" }),
      proof: t.Array(t.String({ description: "Base64, from the leaf's sibling to the root's child" })),
    }),
  ),
  next: t.Unsafe<number | null>({ type: "integer", nullable: true, description: "Send it as `after` to read on" }),
});

const Time = t.String({ format: "date-time" });
const NullableTime = t.Unsafe<string | null>({ type: "string", format: "date-time", nullable: true });
const KeyId = t.String({ description: "The first 16 bytes of the key's SHA-256, in hex" });
const Hex = t.String({ description: "Lower-case hex" });
const ref = (name: string) => t.Unsafe({ $ref: `#/components/schemas/${name}` });

const SigningKeySchema = t.Object({
  keyId: KeyId,
  publicKey: Hex,
  label: t.String(),
  createdAt: Time,
  retiredAt: NullableTime,
});

const KeyChallengeSchema = t.Object({
  nonce: t.String(),
  statement: t.String({ description: "The bytes to sign" }),
  expiresAt: Time,
});

const PackageKeysSchema = t.Object({
  name: t.String(),
  registry: t.String({ description: "The log's origin, which the next key change must name" }),
  keys: t.Array(
    t.Object({
      keyId: KeyId,
      publicKey: Hex,
      status: t.Union([t.Literal("active"), t.Literal("superseded"), t.Literal("compromised")]),
      addedAt: Time,
      endedAt: NullableTime,
      compromisedSince: NullableText("The first version that is not trusted"),
    }),
  ),
  previous: t.String({ description: "The value that the next key change must name as previous" }),
  reset: t.Unsafe<object | null>({
    ...t.Object({
      keyId: KeyId,
      publicKey: Hex,
      requestedBy: t.String(),
      requestedAt: Time,
      effectiveAt: Time,
      upheld: t.Boolean(),
    }),
    nullable: true,
    description: "Null unless a reset is pending",
  }),
  changes: t.Array(
    t.Object({
      seq: t.Integer(),
      action: t.Union(KEY_ACTIONS.map((action) => t.Literal(action))),
      publicKey: Hex,
      by: NullableText("User name"),
      at: Time,
      statement: NullableText("The signed statement"),
      leaf: t.String({ description: "The leaf of the log" }),
      leafSha256: t.String(),
    }),
  ),
});

const UpheldResetSchema = t.Object({
  name: t.String(),
  reset: t.Unsafe<object | null>({
    ...t.Object({ publicKey: Hex, effectiveAt: Time }),
    nullable: true,
    description: "The reset that keys cannot cancel any more. Null if none is pending",
  }),
  waitsUntil: t.Unsafe<string | null>({
    type: "string",
    format: "date-time",
    nullable: true,
    description: "Until when the next reset is upheld. Null if one is pending",
  }),
});

/** The path parameters of keys. */
export const KEY_PARAMETERS = {
  keyId: {
    description: "Id of a key: the first 16 bytes of its SHA-256, in hex",
    schema: { type: "string", minLength: 32, maxLength: 32, pattern: "^[0-9a-f]{32}$" },
  },
};

/** The schemas of keys by their names in the OpenAPI document. */
export const keySchemas = {
  KeyChallenge: KeyChallengeSchema,
  PackageKeys: PackageKeysSchema,
  PackageLog: PackageLogSchema,
  SigningKey: SigningKeySchema,
  SigningKeyList: t.Object({ items: t.Array(ref("SigningKey")) }),
  UpheldReset: UpheldResetSchema,
};
