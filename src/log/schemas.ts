import { t } from "elysia";
import { wholeNumber } from "../http/integer-parameter.ts";

/** The largest size as a power of ten. No log will have as many leaves. */
const SIZE_MAX_ZEROS = 15;

/** The query of `GET /log/consistency`. */
export const ConsistencyQuery = t.Object({
  from: t.Optional(
    wholeNumber({ description: "Size of the older tree", minimum: 0, zeros: SIZE_MAX_ZEROS, preset: 0 }),
  ),
  to: t.Optional(
    wholeNumber({ description: "Size of the newer tree; defaults to the newest", minimum: 0, zeros: SIZE_MAX_ZEROS }),
  ),
});

/** The query of `GET /api/log/changes`. */
export const ChangesQuery = t.Object({
  size: t.Optional(
    wholeNumber({
      description: "Size of the tree of the proofs; defaults to the newest",
      minimum: 1,
      zeros: SIZE_MAX_ZEROS,
    }),
  ),
});

const LogChangesSchema = t.Object({
  origin: t.String(),
  size: t.Integer({ description: "Size of the tree of the proofs" }),
  changes: t.Array(
    t.Object({
      index: t.Integer(),
      leaf: t.String({ description: "A cpm.log/v1 leaf" }),
      checkpoint: t.String({ description: "A checkpoint that the old key signed" }),
      proof: t.Array(t.String({ description: "SHA-256 in base64" }), { description: "RFC 6962 §2.1.1" }),
    }),
  ),
});

const ConsistencySchema = t.Object({
  from: t.Integer(),
  to: t.Integer(),
  proof: t.Array(t.String({ description: "SHA-256 in base64" }), { description: "RFC 6962 §2.1.2" }),
});

/** The schemas of the log by their names in the OpenAPI document. */
export const logSchemas = { Consistency: ConsistencySchema, LogChanges: LogChangesSchema };

/** The path parameters of the log. */
export const LOG_PARAMETERS = {
  tile: {
    description: "A tile as c2sp.org/tlog-tiles names it, such as 0/x001/067 or entries/000.p/12",
    schema: { type: "string", minLength: 1, maxLength: 64 },
  },
};
