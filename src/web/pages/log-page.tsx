/** @jsxImportSource preact */
import { type LogOverview, readLogOverview } from "../../log/read-overview.ts";
import type { LogEntry } from "../../tlog/log-leaf.ts";
import { TILE_WIDTH, tilePath, widthIn } from "../../tlog/tile.ts";
import type { PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { LogSentence } from "./log-entry.tsx";
import { Pager } from "./pager.tsx";
import { TableRegion } from "./table-region.tsx";
import { Command, InlineCommand, Moment } from "./texts.tsx";

const SHOWN = 25;

interface OfLog extends OfVisit {
  readonly log: LogOverview;
}

/** Where the files of the log are, in the form that other programs read. */
function Files({ visit: { root, base }, log: { size }, isPrivate }: OfLog & { readonly isPrivate: boolean }) {
  const index = Math.floor((size - 1) / TILE_WIDTH);
  const width = widthIn(size, 0, index);
  const tiles = [
    [`log/${tilePath({ level: "entries", index, width })}`, "newest entries"],
    [`log/${tilePath({ level: 0, index, width })}`, "newest hashes"],
  ] as const;
  const files = [
    ["log/checkpoint", "checkpoint"],
    ["log/vkey", "verifier key"],
    ...(size === 0 ? [] : tiles),
    ["api/log/changes", "changes of the log's key, proved"],
  ] as const;
  return (
    <>
      <p>
        The files are those of <a href="https://c2sp.org/tlog-tiles">C2SP's tiled logs</a>, so other programs read them,
        too.
        {isPrivate && " This registry is private, so programs send a token with the scope read for all packages."}
      </p>
      <ul>
        {files.map(([path, text]) => (
          <li key={path}>
            {/* Programs send a token, and the session of a browser is for pages only. */}
            {isPrivate ? text : <a href={`${root}${path}`}>{text}</a>}{" "}
            <span class="hint">
              {base}/{path}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function State({ log: { origin, size, root, vkey, checkpoint } }: Pick<OfLog, "log">) {
  return (
    <>
      <dl class="pairs">
        <dt>Origin</dt>
        <dd>
          <code>{origin}</code>
        </dd>
        <dt>Entries</dt>
        <dd>{size.toLocaleString("en")}</dd>
        <dt>Root</dt>
        <dd>
          <code>{root}</code>
        </dd>
        <dt>Verifier key</dt>
        <dd>
          <code>{vkey}</code>
        </dd>
      </dl>
      <h2>Checkpoint</h2>
      <pre tabindex={0}>{checkpoint}</pre>
    </>
  );
}

function Witnesses({ log: { witnesses } }: Pick<OfLog, "log">) {
  if (witnesses.length === 0) {
    return (
      <p class="empty">
        This log has no witness. Its operator can ask others to cosign it, with the setting LOG_WITNESSES. Until then,
        an audit on a machine of yours is what finds a rewritten history.
      </p>
    );
  }
  return (
    <TableRegion label="Witnesses">
      <thead>
        <tr>
          <th scope="col">Witness</th>
          <th scope="col">Cosigned this checkpoint</th>
        </tr>
      </thead>
      <tbody>
        {witnesses.map(({ name, cosignedAt }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{cosignedAt === undefined ? "not yet" : <Moment at={cosignedAt.toISOString()} />}</td>
          </tr>
        ))}
      </tbody>
    </TableRegion>
  );
}

function Entries({ visit, log: { entries, before } }: OfLog) {
  if (entries.length === 0) {
    return <p class="empty">There is no entry here. The first publish makes the first one.</p>;
  }
  // The leaves of old yanks and statuses have no time, and nobody noted it.
  const hasTimes = entries.some(({ at }) => at !== undefined);
  return (
    <>
      <TableRegion label="Entries">
        <thead>
          <tr>
            <th scope="col">Entry</th>
            <th scope="col">What happened</th>
            {hasTimes && <th scope="col">When</th>}
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.index}>
              <td>{entry.index}</td>
              <td>
                <LogSentence visit={visit} entry={entry} />
              </td>
              {hasTimes && <td>{entry.at !== undefined && <Moment at={entry.at.toISOString()} />}</td>}
            </tr>
          ))}
        </tbody>
      </TableRegion>
      <p class="hint">
        The log proves what happened and in which order. Reasons of yanks, and the times of yanks and quarantines, are
        notes of this registry.
      </p>
      <Pager
        visit={visit}
        label="Pages of entries"
        previous={visit.query.has("before") ? "log" : undefined}
        previousText="Newest"
        next={before === undefined ? undefined : `log?before=${before}`}
        nextText="Older"
      />
    </>
  );
}

function Change({ entry }: { readonly entry: LogEntry }) {
  return (
    <li>
      <Moment at={entry.at.toISOString()} />:{" "}
      {entry.action === "rotate" ? (
        <>
          a new key, signed by the old one, which signs too until <Moment at={entry.until.toISOString()} />
        </>
      ) : (
        <>
          a new log after {entry.size.toLocaleString("en")} entries, because the key was lost; only the new key signed
        </>
      )}
      <br />
      <span class="hint">
        from <code>{entry.oldKey}</code> to <code>{entry.newKey}</code>
      </span>
    </li>
  );
}

function Audit({ visit: { base }, log: { vkey } }: OfLog) {
  return (
    <>
      <p>
        An audit reads every entry, computes the whole log again, and compares it with what you saw before. Run it
        regularly, on a machine that is not the registry's.
      </p>
      <Command text={`cpm-registry log audit --registry ${base}`} label="the command that audits the log" />
      <p>
        The first time, it believes the key that the registry shows. Compare the verifier key above with what the
        operator told you on another channel, and name it. With <InlineCommand text="--archives" />, every archive is
        downloaded and compared, too.
      </p>
      <Command
        text={`cpm-registry log audit --registry ${base} --vkey '${vkey}' --archives`}
        label="the command that audits log and archives with this key"
      />
    </>
  );
}

/** Reads before which entry to begin. Whatever is no number means the newest. */
function askedBefore({ query }: OfVisit["visit"]): number | undefined {
  const before = query.get("before") ?? "";
  return /^\d{1,15}$/.test(before) ? Number(before) : undefined;
}

/** The transparency log: its state, its entries, who watches it, and how to check it. */
export const logPage: PageSpec = {
  audience: "reader",
  load: async (deps, visit) => {
    const log = await readLogOverview(deps, { before: askedBefore(visit), count: SHOWN });
    const { changes } = log;
    return {
      title: "Transparency log",
      description: "Every version, yank and key change of this registry, in a log that can only grow",
      isForSearchEngines: !visit.query.has("before"),
      body: (
        <>
          <h1>Transparency log</h1>
          <p class="lead">
            Every version, yank, quarantine and key change is an entry here. The log can only grow, and anybody can
            check that it did.
          </p>
          <State log={log} />
          <h2>Entries</h2>
          <Entries visit={visit} log={log} />
          <h2>Witnesses</h2>
          <Witnesses log={log} />
          {changes.length > 0 && (
            <>
              <h2>Changes of the log's key</h2>
              <ul>
                {changes.map((entry) => (
                  <Change key={entry.newKey} entry={entry} />
                ))}
              </ul>
            </>
          )}
          <h2>Audit it</h2>
          <Audit visit={visit} log={log} />
          <h2>Files</h2>
          <Files visit={visit} log={log} isPrivate={deps.config.readAccess !== "public"} />
        </>
      ),
    };
  },
};
