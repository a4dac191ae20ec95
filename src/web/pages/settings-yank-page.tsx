/** @jsxImportSource preact */
import { REPLACEMENT_MAX_CHARS } from "../../domain/replacement.ts";
import { failure } from "../../errors.ts";
import { parseForm } from "../../http/validate.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { readVersion } from "../../packages/read.ts";
import { isReplacementThere } from "../../packages/replacement.ts";
import { askedYank, YankBody } from "../../packages/schemas.ts";
import type { VersionView } from "../../packages/views.ts";
import { setYanked, type Yank } from "../../packages/yank.ts";
import { fieldFault } from "../form-problem.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import { Field, PostForm, Select, TextArea } from "./form-parts.tsx";
import { tabPath } from "./package-address.ts";
import { settingsFor } from "./settings-access.tsx";
import { settingsPath } from "./settings-page.tsx";
import { YANK_REASON_TEXTS } from "./yank-texts.ts";

/** What the form sends for a yank without a reason, so that an empty choice is none at all. */
const NO_REASON = "none";

const REASONS = [
  ...Object.entries(YANK_REASON_TEXTS).map(([reason, text]) => [reason, `${reason}: ${text}`] as const),
  ["other", "other"],
  [NO_REASON, "no reason"],
] as const;

interface OfVersion extends OfVisit {
  readonly shown: VersionView;
}

function YankForm({ visit, shown }: OfVersion) {
  const { name, version, yanked, yankReason, yankMessage, yankReplacement } = shown;
  return (
    <PostForm
      visit={visit}
      action={`${settingsPath(name)}/yank`}
      subject={{ version, change: yanked ? "reason" : "yank" }}
    >
      <Select
        name="reason"
        label="Reason"
        {...(yanked ? { value: yankReason ?? NO_REASON } : { placeholder: "Choose the reason" })}
        choices={REASONS}
      />
      <TextArea
        name="message"
        label="In words (may be empty)"
        maxLength={1_000}
        value={yankMessage ?? ""}
        hint="Everybody reads it who looks at the version or downloads it."
      />
      <Field
        name="replacement"
        label="What to use instead (may be empty)"
        required={false}
        maxLength={REPLACEMENT_MAX_CHARS}
        value={yankReplacement ?? ""}
        hint="A version, the name of a package that is here, or name@version."
      />
      <p class="actions">
        <button type="submit" class={yanked ? "" : "danger"}>
          {yanked ? "Change the reason" : `Yank ${name} ${version}`}
        </button>
        <a href={`${visit.root}${settingsPath(name)}`}>Back</a>
      </p>
    </PostForm>
  );
}

function UndoForm({ visit, shown: { name, version } }: OfVersion) {
  return (
    <>
      <p>
        <a href={`${visit.root}${tabPath(name, version, "")}`}>
          {name} {version}
        </a>{" "}
        is yanked. Taking the yank back puts the version into search and latest again. The log records it.
      </p>
      <PostForm visit={visit} action={`${settingsPath(name)}/yank`} subject={{ version, change: "undo" }}>
        <button type="submit" class="primary">
          Undo the yank of {name} {version}
        </button>
      </PostForm>
      <h2>Or change the reason</h2>
    </>
  );
}

/** Asks before a version is yanked, for what, and offers to take a yank back. */
export const yankPage: PageSpec = {
  audience: "session",
  load: (deps, visit) =>
    settingsFor(deps, visit, async ({ name }) => {
      const asked = visit.sent.get("version") ?? visit.query.get("version");
      const shown = await readVersion(deps, name, asked);
      const { version, yanked, signature } = shown;
      const title = yanked ? `The yank of ${name} ${version}` : `Yank ${name} ${version}`;
      return {
        title,
        body: (
          <>
            <p class="crumb">
              <a href={`${visit.root}${settingsPath(name)}`}>Settings of {name}</a>
            </p>
            <h1>{title}</h1>
            {signature.compromised ? (
              <p class="empty">This version was signed with a compromised key, so its yank is permanent.</p>
            ) : (
              <>
                {yanked ? (
                  <UndoForm visit={visit} shown={shown} />
                ) : (
                  <p>
                    Nobody finds it any more, and latest is another version. Whoever asks for exactly {version} still
                    gets it, with your reason. The log records it. You can undo it.
                  </p>
                )}
                <YankForm visit={visit} shown={shown} />
              </>
            )}
          </>
        ),
      };
    }),
};

/** Returns what the form asks for, without the fields that are empty. Throws `validation_failed`. */
function yankBodyOf(form: URLSearchParams): Record<string, string> {
  const reason = form.get("reason") ?? "";
  if (reason === "") throw fieldFault("reason", "Choose the reason.");
  const texts = ["message", "replacement"].map((field) => [field, form.get(field)?.trim() ?? ""] as const);
  const given = [...texts, ["reason", reason === NO_REASON ? "" : reason] as const];
  return Object.fromEntries(given.filter(([, text]) => text !== ""));
}

/** Yanks a version, changes its reason, or takes the yank back. */
export const yankAction: ActionSpec = {
  audience: "session",
  page: yankPage,
  act: async (deps, visit, form, db) => {
    const name = packageNameParam(visit.params.name);
    const [version, change] = [form.get("version"), form.get("change")];
    const setYank = (yank: Yank | undefined) => setYanked({ ...deps, db }, visit.visitor, name, version, yank);
    if (change === "undo") {
      const undone = await setYank(undefined);
      return { redirect: withNotice(visit, settingsPath(name), "unyanked", name, undone.version) };
    }
    if (change !== "yank" && change !== "reason")
      throw failure({ code: "malformed_body", reason: "The form is incomplete." });
    const asked = askedYank(parseForm(YankBody, yankBodyOf(form)));
    const yanked = await setYank(asked);
    const { replacement } = asked;
    const isMissing = replacement !== undefined && !(await isReplacementThere(deps, name, replacement));
    const missing = isMissing ? replacement : undefined;
    const code = change === "yank" ? "yanked" : "yank-changed";
    return { redirect: withNotice(visit, settingsPath(name), code, name, yanked.version, missing) };
  },
};
