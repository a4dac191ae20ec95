/** @jsxImportSource preact */
import { encodedFilePath } from "../../domain/file-address.ts";
import type { Change } from "../../packages/compare-values.ts";
import { type FileChange, readVersionChanges, type VersionChanges } from "../../packages/compare-versions.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { listVersions } from "../../packages/list-versions.ts";
import type { Hunk } from "../../packages/text-diff.ts";
import { redirectResponse } from "../page-response.ts";
import type { Visit, WebDeps } from "../visit.ts";
import { CompareForm } from "./compare-form.tsx";
import { comparePath, tabPath } from "./package-address.ts";
import { TableRegion } from "./table-region.tsx";
import { sizeText } from "./texts.tsx";
import { Empty, isWithheld, type OfTab, versionTab, Withheld } from "./version-tab.tsx";

/** The most versions that the form offers, and the most rows of a table. */
const OFFERED = 100;
const ROWS_MAX = 500;
const TEXT_MAX_CHARS = 300;

/** A value may be a whole document; a table shows how it begins. */
function Value({ text }: { readonly text: string | undefined }) {
  if (text === undefined) return <span class="hint">–</span>;
  return <code>{text.length > TEXT_MAX_CHARS ? `${text.slice(0, TEXT_MAX_CHARS)}…` : text}</code>;
}

function kindOf(from: unknown, to: unknown): "added" | "removed" | "changed" {
  if (from === undefined) return "added";
  return to === undefined ? "removed" : "changed";
}

function Kind({ from, to }: { readonly from: unknown; readonly to: unknown }) {
  const kind = kindOf(from, to);
  const tone = { added: "", removed: "bad", changed: "plain" }[kind];
  return <span class={`badge ${tone}`}>{kind}</span>;
}

interface ChangesProps {
  readonly title: string;
  readonly changes: readonly Change[];
}

function Changes({ title, changes }: ChangesProps) {
  if (changes.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <TableRegion label={title}>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {changes.slice(0, ROWS_MAX).map(({ what, from, to }) => (
            <tr key={what}>
              <th scope="row">
                {what} <Kind from={from} to={to} />
              </th>
              <td>
                <Value text={from} />
              </td>
              <td>
                <Value text={to} />
              </td>
            </tr>
          ))}
        </tbody>
      </TableRegion>
      {changes.length > ROWS_MAX && <p class="hint">And {changes.length - ROWS_MAX} more.</p>}
    </section>
  );
}

interface OfChanges extends OfTab {
  readonly changes: VersionChanges;
}

/** The address of a changed file in the version that has it. */
function fileAddress({ visit: { root }, shown, changes: { from, to } }: OfChanges, file: FileChange): string {
  const version = file.toSize === undefined ? from : to;
  return `${root}${tabPath(shown.version.name, version, "files")}/${encodedFilePath(file.path)}`;
}

function Files({ ...of }: OfChanges) {
  const { files } = of.changes;
  if (files.length === 0) return null;
  const size = (bytes: number | undefined) => (bytes === undefined ? "–" : sizeText(bytes));
  return (
    <section>
      <h3>Files</h3>
      <TableRegion label="Files">
        <thead>
          <tr>
            <th scope="col">File</th>
            <th scope="col" class="number">
              Before
            </th>
            <th scope="col" class="number">
              After
            </th>
          </tr>
        </thead>
        <tbody>
          {files.slice(0, ROWS_MAX).map((file) => (
            <tr key={file.path}>
              <th scope="row">
                <a href={fileAddress(of, file)}>{file.path}</a> <Kind from={file.fromSize} to={file.toSize} />
              </th>
              <td class="number">{size(file.fromSize)}</td>
              <td class="number">{size(file.toSize)}</td>
            </tr>
          ))}
        </tbody>
      </TableRegion>
      {files.length > ROWS_MAX && <p class="hint">And {files.length - ROWS_MAX} more.</p>}
    </section>
  );
}

const LINE_KINDS: Readonly<Record<string, string>> = { "+": "ins", "-": "del", "\\": "note" };

function HunkLines({ hunk: { fromLine, toLine, lines } }: { readonly hunk: Hunk }) {
  return (
    <>
      <span class="line note">{`Line ${fromLine} before, line ${toLine} after\n`}</span>
      {lines.map((line, at) => (
        <span key={at} class={`line ${LINE_KINDS[line[0] ?? ""] ?? ""}`}>{`${line}\n`}</span>
      ))}
    </>
  );
}

/** The lines that changed in one file, as `diff -u` writes them. */
function Diff({ path, hunks }: { readonly path: string; readonly hunks: readonly Hunk[] }) {
  return (
    <details open>
      <summary>{path}</summary>
      <section class="code diff" aria-label={`Changes of ${path}`} tabindex={0}>
        <pre>
          {hunks.map((hunk) => (
            <HunkLines key={hunk.toLine} hunk={hunk} />
          ))}
        </pre>
      </section>
    </details>
  );
}

function Texts({ changes: { files } }: OfChanges) {
  const shown = files.flatMap(({ path, hunks }) => (hunks === undefined ? [] : [{ path, hunks }]));
  const hidden = files.filter(
    ({ hunks, fromSize, toSize }) => hunks === undefined && kindOf(fromSize, toSize) === "changed",
  );
  return (
    <>
      {shown.length > 0 && <h3>Lines</h3>}
      {shown.map((file) => (
        <Diff key={file.path} {...file} />
      ))}
      {hidden.length > 0 && (
        <p class="hint">
          Not compared by their lines, because they are no texts, too long or too different:{" "}
          {hidden
            .slice(0, 20)
            .map(({ path }) => path)
            .join(", ")}
          {hidden.length > 20 && ` and ${hidden.length - 20} more`}.
        </p>
      )}
    </>
  );
}

function AllChanges({ ...of }: OfChanges) {
  const { fields, dependencies, inputs, values, files } = of.changes;
  if (files.length === 0) return <Empty>The two versions have the same files.</Empty>;
  return (
    <>
      <Changes title="Manifest" changes={fields} />
      <Changes title="Dependencies" changes={dependencies} />
      <Changes title="Inputs" changes={inputs} />
      {values !== undefined && <Changes title="Values" changes={values} />}
      {values === undefined && <p class="hint">A values.yaml cannot be read, so it is compared by its lines alone.</p>}
      <Files {...of} />
      <Texts {...of} />
    </>
  );
}

/** What changed in a version since another one, by meaning and by text. It changes with neither. */
export const comparePage = versionTab({
  current: "versions",
  isShared: false,
  load: async (deps, visit, shown) => {
    const name = packageNameParam(shown.version.name);
    const { version } = shown.version;
    if (isWithheld(shown)) return { title: "Changes", children: <Withheld /> };
    const [changes, { items }] = await Promise.all([
      readVersionChanges(deps, name, { from: visit.params.other ?? "", to: version }),
      listVersions(deps, name, { max: OFFERED }),
    ]);
    const of = { visit, shown };
    const children = (
      <>
        <h2>
          Changes in {changes.to} since {changes.from}
        </h2>
        <CompareForm {...of} versions={items.map((item) => item.version)} version={changes.to} since={changes.from} />
        <p>
          <a href={`${visit.root}${comparePath(name, changes.from, changes.to)}`} rel="nofollow">
            The other way round
          </a>
        </p>
        <AllChanges {...of} changes={changes} />
      </>
    );
    return { title: `Changes since ${changes.from}`, children };
  },
});

/** Leads from the form to the address of the comparison, which can be sent to somebody. */
export function chosenComparison(_deps: WebDeps, visit: Visit): Response {
  const { name = "", version = "" } = visit.params;
  const chosen = visit.query.get("version") || version;
  const since = visit.query.get("since") || version;
  return redirectResponse(visit, comparePath(encodeURIComponent(name), chosen, since));
}
