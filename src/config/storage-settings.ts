import type { Setting } from "./setting.ts";

/** Settings of the database. */
export const DATABASE = {
  DATABASE_URL: {
    group: "Database",
    type: "text",
    secret: true,
    defaultText: "SQLite in `DATA_DIR`",
    description: "How to reach Postgres; see [Postgres](#postgres). Leave it out to use SQLite",
  },
  ConnectionStrings__DefaultConnection: {
    group: "Database",
    type: "text",
    secret: true,
    description: "Another name of `DATABASE_URL`. Set only one of them",
  },
} as const satisfies Record<string, Setting>;

/** Settings of the storage of archives. */
export const STORAGE = {
  STORAGE_TYPE: {
    group: "Storage of archives",
    type: "choice",
    default: "FileSystem",
    choices: ["FileSystem", "S3"],
    description: "Where archives are stored: in `packages/` of `DATA_DIR`, or in a bucket",
  },
  STORAGE_BUCKET_NAME: {
    group: "Storage of archives",
    type: "text",
    description: "The name of the bucket. Required with S3",
  },
  STORAGE_ACCESS_KEY: {
    group: "Storage of archives",
    type: "text",
    defaultText: "the role of the machine or container, as AWS gives it to programs",
    description: "The id of the access key. Required with a storage that is not AWS",
  },
  STORAGE_SECRET_KEY: {
    group: "Storage of archives",
    type: "text",
    secret: true,
    description: "The secret of the access key. Set both or none",
  },
  STORAGE_SESSION_TOKEN: {
    group: "Storage of archives",
    type: "text",
    secret: true,
    description: "The session token of temporary credentials",
  },
  STORAGE_ENDPOINT: {
    group: "Storage of archives",
    type: "text",
    defaultText: "AWS in `STORAGE_REGION`",
    description: "The address of an S3 service, such as `https://nyc3.digitaloceanspaces.com`",
  },
  STORAGE_PUBLIC_ENDPOINT: {
    group: "Storage of archives",
    type: "text",
    defaultText: "`STORAGE_ENDPOINT`",
    description:
      "The address of the same service for clients, with `STORAGE_REDIRECT=true`, where the registry uses another one inside its network",
  },
  STORAGE_REGION: {
    group: "Storage of archives",
    type: "text",
    default: "us-east-1",
    description: "The region of the bucket",
  },
  STORAGE_PATH_STYLE: {
    group: "Storage of archives",
    type: "flag",
    defaultText: "`true` if `STORAGE_ENDPOINT` is set, else `false`",
    description: "`true` puts the bucket in the path (`https://host/bucket/key`), `false` in the host name",
  },
  STORAGE_KEY_PREFIX: {
    group: "Storage of archives",
    type: "text",
    description: "What the key of every object begins with, such as `registries/main`",
  },
  STORAGE_REDIRECT: {
    group: "Storage of archives",
    type: "flag",
    default: false,
    description: "`true` answers a download with 302 and an address of the storage that is valid for 5 minutes",
  },
  STORAGE_TIMEOUT_MS: {
    group: "Storage of archives",
    type: "integer",
    default: 10_000,
    min: 100,
    // Storing an archive takes two calls of two attempts, and the server drops a client that has
    // had no answer for a minute.
    max: 12_000,
    description: "How long the storage may take to answer one request, plus time for the size of the archive",
  },
  STORAGE_SPILL_MAX_BYTES: {
    group: "Storage of archives",
    type: "integer",
    default: 1_073_741_824,
    min: 1_048_576,
    max: 2 ** 50,
    description:
      "With S3: how many bytes of archives on their way to clients may be in `packages/incoming` of `DATA_DIR` at once, " +
      "in all processes of this server. The next downloads wait, then get 503 `busy`",
  },
} as const satisfies Record<string, Setting>;
