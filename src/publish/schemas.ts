import { t } from "elysia";
import { failure } from "../errors.ts";
import { faultsOfUnknown } from "../http/unknown-fields.ts";

/** The query of a publish. `requirePublishParameters` refuses all others. */
export const PublishQuery = t.Object({
  dryRun: t.Optional(
    t.BooleanString({ description: "Check everything, store nothing", error: "must be true or false" }),
  ),
  allowSecrets: t.Optional(
    t.BooleanString({
      description: "Publish although the archive has what looks like secrets",
      error: "must be true or false",
    }),
  ),
});

/**
 * Throws `validation_failed` for parameters that a publish does not know or that are repeated. A
 * client that mistypes `dryRun` would otherwise publish for ever what it only meant to check.
 */
export function requirePublishParameters(parameters: URLSearchParams): void {
  const repeated = Object.keys(PublishQuery.properties).filter((name) => parameters.getAll(name).length > 1);
  const faults = [
    ...faultsOfUnknown(
      parameters.keys(),
      PublishQuery.properties,
      "is not a parameter of a publish: there are only dryRun and allowSecrets, in this spelling",
    ),
    ...repeated.map((name) => ({ path: `/${name}`, message: "must be given once" })),
  ];
  if (faults.length > 0) throw failure({ code: "validation_failed", faults });
}
