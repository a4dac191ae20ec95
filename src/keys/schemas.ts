import { t } from "elysia";
import { oneOf } from "../http/schemas.ts";
import { KEY_ACTIONS } from "../signing/key-statements.ts";

/** Encoded bytes. The use case decodes them and checks their length. */
const Encoded = (what: string) =>
  t.String({ minLength: 1, maxLength: 256, error: `must be ${what} as hex, base64 or base64url` });

const PublicKey = Encoded("a public key of 32 bytes");
const Signature = Encoded("a signature of 64 bytes");
const Previous = t.String({
  pattern: "^[0-9a-f]{64}$",
  error: "must be the value of previous in GET /api/packages/{name}/keys, 64 hex digits",
});

export const ChallengeBody = t.Object({ publicKey: PublicKey });

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

export const AddKeyBody = t.Object({
  publicKey: PublicKey,
  previous: Previous,
  signature: Signature,
  newKeySignature: Signature,
});

export const RemoveKeyBody = t.Object({
  previous: Previous,
  signature: Signature,
  reason: oneOf(["superseded", "compromised"]),
  since: t.Optional(t.String({ minLength: 1, maxLength: 64, error: "must be a version of this package" })),
});

export const ResetKeysBody = t.Object({ publicKey: PublicKey, previous: Previous, newKeySignature: Signature });

export const CancelResetBody = t.Object({ previous: t.Optional(Previous), signature: t.Optional(Signature) });

const Time = t.String({ format: "date-time" });
const NullableTime = t.Unsafe<string | null>({ type: "string", format: "date-time", nullable: true });
const NullableText = (description: string) => t.Unsafe<string | null>({ type: "string", nullable: true, description });
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
    ...t.Object({ keyId: KeyId, publicKey: Hex, requestedBy: t.String(), requestedAt: Time, effectiveAt: Time }),
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
  SigningKey: SigningKeySchema,
  SigningKeyList: t.Object({ items: t.Array(ref("SigningKey")) }),
};
