import { type Problems, problem, retryAfter } from "./problem-form.ts";
import { rateLimitHeaders } from "./rate-limit.ts";

/** The problems of packages, versions and publishing. */
export const packageProblems = {
  package_not_found: problem(404, "Package not found", ({ name }) => ({
    detail: `This registry has no package ${name}. Check the name, or search with GET /api/packages.`,
  })),
  version_not_found: problem(404, "Version not found", ({ name, version, hint }) => ({
    detail: `${name} has no version ${version}. ${hint ?? `GET /api/packages/${name} lists its versions.`}`,
  })),
  contents_not_found: problem(404, "File not in the archive", ({ name, version, file }) => ({
    detail: `${name} ${version} has no ${file}. GET /api/packages/${name}/${version}/files lists its files.`,
  })),
  file_not_found: problem(404, "File not in the archive", ({ name, version }) => ({
    detail:
      `${name} ${version} has no file with this path. GET /api/packages/${name}/${version}/files lists the paths; ` +
      "encode special characters in them as in every address.",
  })),
  file_too_large: problem(413, "File too large to be shown", ({ name, version, sizeBytes, limitBytes }) => ({
    detail:
      `The file has ${sizeBytes} bytes, and only files of at most ${limitBytes} bytes are sent by themselves. ` +
      `GET /api/packages/${name}/${version}/download and unpack it with tar -xzf.`,
  })),
  tile_not_found: problem(404, "Tile not found", () => ({
    detail: "The log has no such tile, or is not that large yet. GET /log/checkpoint returns its size.",
  })),
  not_an_owner: problem(403, "Not an owner", ({ name }) => ({
    detail: `Only an owner of ${name} can do this. GET /api/packages/${name} lists the owners; ask one of them.`,
  })),
  last_owner: problem(409, "Last owner", ({ name }) => ({
    detail: `${name} would have no owner left. Invite another owner first.`,
  })),
  key_not_trusted: problem(403, "Key not trusted", ({ reason }) => ({ detail: reason })),
  key_change_outdated: problem(409, "Key change outdated", ({ name, previous }) => ({
    detail: `The keys of ${name} have changed. Sign the statement again with previous: ${previous}`,
  })),
  last_key: problem(409, "Last key", ({ name }) => ({
    detail: `${name} would have no key left. Add another key first.`,
  })),
  reset_pending: problem(409, "Key reset pending", ({ name, effectiveAt }) => ({
    detail: `A reset of the keys of ${name} takes effect at ${effectiveAt}. Cancel the reset first.`,
  })),
  reset_not_found: problem(404, "No key reset pending", ({ name }) => ({
    detail: `No reset of the keys of ${name} is pending. GET /api/packages/${name}/keys shows its keys.`,
  })),
  reset_upheld: problem(409, "Key reset upheld", ({ name }) => ({
    detail:
      `An administrator upheld the reset of the keys of ${name}, so keys cannot cancel it any more. ` +
      "Ask an owner of the package, or an administrator.",
  })),
  name_too_similar: problem(409, "Name too similar", ({ name, existing }) => ({
    detail:
      `${name} is easily mistaken for the popular package ${existing}. ` +
      "Choose another name, or ask an administrator to allow it.",
  })),
  package_archived: problem(403, "Package archived", ({ name }) => ({
    detail: `${name} is archived and accepts no new versions. An owner can set its status to active again.`,
  })),
  package_full: problem(409, "Package full", ({ name, freeBytes }) => ({
    detail:
      `The manifests of all versions of ${name} are too long together. Shorten the description, inputs, dependencies ` +
      `and maintainers in colony.yaml, together with the warnings about the archive, to ${freeBytes} bytes. ` +
      "Such a version is always accepted.",
  })),
  quarantined: problem(403, "Quarantined", ({ what, reason }) => ({
    detail: `An administrator quarantined ${what}; ask the operator of the registry about it. Reason: ${reason}`,
  })),
  taken_down: problem(451, "Taken down", ({ what, reason }) => ({
    detail:
      `The operator of this registry took ${what} down for good (${reason}). ` +
      "Nobody can publish it again. Use another version or package, or ask the operator.",
  })),
  version_compromised: problem(409, "Signed with a compromised key", ({ name, version }) => ({
    detail:
      `${name} ${version} was signed after its key had been compromised, so it stays yanked. ` +
      "Publish a new version.",
  })),
  publish_limit_reached: problem(429, "Publish limit reached", ({ what, limit }) => ({
    detail:
      `You have published ${limit.limit} ${what} within an hour, which is the limit of this registry. ` +
      `Try again in ${limit.resetSeconds} s.`,
    headers: { ...retryAfter(limit.resetSeconds), ...rateLimitHeaders([limit]) },
  })),
  secrets_found: problem(422, "Secrets found", ({ faults }) => ({
    detail:
      "The archive seems to contain secrets. Remove and replace them, or publish with ?allowSecrets=true if they " +
      "are not secrets.",
    errors: faults,
  })),
  name_taken: problem(409, "Package name taken", ({ name, existing }) => ({
    detail:
      `${name} is the same name as ${existing}, because names that differ only in - _ . count as one. ` +
      "Choose another name.",
  })),
  version_exists: problem(409, "Version already exists", ({ name, version, reason }) => ({
    detail: `${name} ${version} ${reason} A version number can be used only once. Publish under a new one.`,
  })),
  signature_invalid: problem(400, "Invalid signature", ({ faults }) => ({
    detail: "The signature was not accepted. See errors for the reason, and sign again.",
    errors: faults,
  })),
  archive_rejected: problem(422, "Archive rejected", ({ faults }) => ({
    detail: "Correct the archive as described in errors and publish it again.",
    errors: faults,
  })),
} satisfies Partial<Problems>;
