import type { ApiClient } from "../client/api-client.ts";
import { clientFault } from "../client/client-fault.ts";
import { AGE_RULE, ageMs } from "../client/home.ts";
import { type AgedChoice, chooseAged, leavesChoice } from "../client/minimum-age.ts";
import type { PackageSpec } from "../client/package-spec.ts";
import type { VersionDocument } from "../client/registry-documents.ts";
import { systemClock } from "../start/system-clock.ts";
import type { ClientContext } from "./client-context.ts";
import { durationText } from "./duration.ts";
import { UsageError } from "./usage.ts";

/** An age as the user wrote it. */
interface MinimumAge {
  readonly text: string;
  readonly ms: number;
}

/** Reads `--minimum-age`, or `minimumAge` of the configuration. */
async function minimumAge({ home }: ClientContext, given: string | undefined): Promise<MinimumAge> {
  const text = given ?? (await home.config()).minimumAge ?? "0";
  const ms = ageMs(text);
  if (ms === undefined) throw new UsageError(`--minimum-age ${AGE_RULE}, not '${text}'.`);
  return { text, ms };
}

/**
 * Returns the package with the version to take, where the user named none and wants no young ones.
 * Throws `ClientFault` if no version is old enough, and `isRequired` says that one is needed.
 */
export async function agedSpec(
  context: ClientContext,
  client: ApiClient,
  spec: PackageSpec,
  wish: { readonly minimumAge: string | undefined; readonly isRequired: boolean },
): Promise<PackageSpec> {
  const age = await minimumAge(context, wish.minimumAge);
  if (age.ms === 0 || !leavesChoice(spec)) return spec;
  const now = systemClock();
  const { version, tooYoung }: AgedChoice = await chooseAged(client, spec, age.ms, now);
  if (tooYoung === undefined) return { name: spec.name, version };
  const passedOver = `${ageText(tooYoung, now)}, less than the minimum age of ${age.text}`;
  const anyway = `To take it anyway: name it, ${tooYoung.name}@${tooYoung.version}, or --minimum-age 0`;
  if (version === undefined && wish.isRequired) {
    const detail = `${passedOver}, and no older release is there.\n${anyway}`;
    throw clientFault("failed", "client_version_too_young", detail);
  }
  const taken = version === undefined ? "No older release is there." : `This is ${version}.`;
  context.prompt.note(`${passedOver}. ${taken}\n${anyway}`);
  return { name: spec.name, version: version ?? tooYoung.version };
}

function ageText({ name, version, publishedAt }: VersionDocument, now: Date): string {
  const ms = now.getTime() - Date.parse(publishedAt);
  return `${name} ${version} was published ${ms >= 0 ? `${durationText(ms)} ago` : `on ${publishedAt}`}`;
}
