import { operation, STORAGE_PROBLEMS } from "../http/operation.ts";
import { SIGNATURE_SCHEMES } from "../signing/statement.ts";

const text = { type: "string" } as const;

/** An empty example, because the page fills its form with examples. */
const typed = { ...text, example: "" } as const;

const publishForm = {
  required: true,
  content: {
    "multipart/form-data": {
      schema: {
        type: "object" as const,
        required: ["archive", "signature"],
        properties: {
          archive: { type: "string" as const, format: "binary", description: "The package: a gzipped tar" },
          signature: {
            ...typed,
            description: "64 bytes as hex, base64 or base64url. The header X-Signature may have it instead",
          },
          publicKey: {
            ...typed,
            description: "32 bytes as hex, base64 or base64url. May be left out where colony.yaml names the key",
          },
          signatureScheme: {
            ...text,
            enum: [...SIGNATURE_SCHEMES],
            description: "If left out, the schemes are tried in this order",
          },
          name: { ...typed, description: "Must be the name in colony.yaml" },
          version: { ...typed, description: "Must be the version in colony.yaml" },
          metadata: { ...typed, description: "A JSON object. Fields of colony.yaml in it must be as there" },
        },
      },
    },
  },
};

/** The operation of a publish. */
export const publishDoc = operation({
  id: "publishVersion",
  summary: "Publish a version",
  description: "The first publish of a name makes its publisher the owner.",
  tag: "packages",
  auth: "account",
  requestBody: publishForm,
  responses: {
    200: { description: "Published before with the same bytes and key, or a dry run", schema: "LoggedVersion" },
    201: { description: "The new version", schema: "LoggedVersion", headers: ["Location"] },
  },
  problems: [
    "malformed_body",
    "signature_invalid",
    "not_an_owner",
    "key_not_trusted",
    "name_taken",
    "name_too_similar",
    "version_exists",
    "package_archived",
    "package_full",
    "quarantined",
    "taken_down",
    "secrets_found",
    "publish_limit_reached",
    "payload_too_large",
    "request_timeout",
    "unsupported_media_type",
    "validation_failed",
    "archive_rejected",
    "storage_full",
    "log_rollback",
    "log_key_missing",
    "busy",
    ...STORAGE_PROBLEMS,
  ],
});
