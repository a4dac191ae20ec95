/** @jsxImportSource preact */
import { checkHealth, type Health } from "../../health/health.ts";
import type { PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import type { WebDeps } from "../visit.ts";
import { framedPage } from "./account-frame.tsx";
import { TableRegion } from "./table-region.tsx";
import { countText, InlineCommand } from "./texts.tsx";

const CHECKS = [
  ["database", "Database"],
  ["storage", "Storage of archives"],
  ["log", "Transparency log"],
] as const;

const WARNINGS = {
  log_guard_missing:
    "The copy of the checkpoint beside the archives is missing, so a rollback of the database would not be noticed. The next change of the log writes it again.",
  log_key_missing: "The key that signs the log is missing or is another one. Put it back: nothing can be published.",
} as const;

/** What is wrong although the registry answers. The layout says why it is read-only. */
function Remarks({ health: { warnings = [], reasons = [] } }: { readonly health: Health }) {
  return (
    <>
      {[...warnings.map((warning) => WARNINGS[warning]), ...reasons].map((text) => (
        <div key={text} class="banner warn">
          {text}
        </div>
      ))}
    </>
  );
}

function Checks({ health: { checks, version } }: { readonly health: Health }) {
  return (
    <TableRegion label="Checks">
      <caption class="hidden">Health</caption>
      <tbody>
        {CHECKS.map(([name, label]) => {
          const result = checks[name] ?? "ok";
          return (
            <tr key={name}>
              <th scope="row">{label}</th>
              <td>
                <span class={result === "ok" ? "badge" : "badge bad"}>{result}</span>
              </td>
            </tr>
          );
        })}
        <tr>
          <th scope="row">Version of the server</th>
          <td>{version}</td>
        </tr>
      </tbody>
    </TableRegion>
  );
}

function witnessesText({ config: { logWitnesses } }: WebDeps): string {
  return logWitnesses.length === 0
    ? "None. With witnesses, others notice if this registry ever shows two histories."
    : logWitnesses.map(({ key }) => key.name).join(", ");
}

function Settings({ deps, visit: { root } }: OfVisit & { readonly deps: WebDeps }) {
  const { config, log, db } = deps;
  const facts = [
    ["Database", db.kind === "sqlite" ? "SQLite" : "Postgres"],
    ["Archives", config.storage.kind],
    ["Reading", config.readAccess === "public" ? "everybody" : "accounts only"],
    ["Registration", config.registration],
    ["Public address", config.publicUrl],
    ["Origin of the log", log.origin],
    ["Witnesses", witnessesText(deps)],
  ] as const;
  return (
    <TableRegion label="Settings">
      <caption class="hidden">Settings</caption>
      <tbody>
        {facts.map(([label, text]) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            <td>{text}</td>
          </tr>
        ))}
        <tr>
          <th scope="row">Size of the log</th>
          <td>
            <a href={`${root}log`}>{countText(log.committedSize, "entry").replace("entrys", "entries")}</a>
          </td>
        </tr>
      </tbody>
    </TableRegion>
  );
}

/** The first page of administrators: whether everything works, and how this registry is set up. */
export const adminPage: PageSpec = {
  audience: "admin",
  load: async (deps, visit) => {
    const health = await checkHealth(deps);
    return framedPage(visit, {
      current: "admin",
      title: "Administration",
      children: (
        <>
          <Remarks health={health} />
          <section>
            <h2>Health</h2>
            <Checks health={health} />
          </section>
          <section>
            <h2>Settings</h2>
            <Settings deps={deps} visit={visit} />
            <p class="hint">
              Settings are read at the start: <InlineCommand text="cpm-registry serve --help" /> lists them. Metrics for
              alerts are at <code>/metrics</code>.
            </p>
          </section>
        </>
      ),
    });
  },
};
