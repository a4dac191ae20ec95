/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import type { Config } from "../../config/config.ts";
import type { PageSpec } from "../handlers.ts";
import { type OfVisit, siteOf } from "../layout.tsx";
import { Command } from "./texts.tsx";

/** What the instructions depend on. */
interface HelpProps extends OfVisit {
  readonly config: Pick<Config, "registration" | "readAccess">;
}

const SECTIONS = [
  ["program", "Get the program"],
  ["account", "Make an account"],
  ["publish", "Publish a package"],
  ["find", "Find and download"],
  ["verify", "Verify"],
  ["ci", "Publish from continuous integration"],
  ["cpm", "With the cpm program"],
  ["curl", "With curl"],
] as const;

type SectionId = (typeof SECTIONS)[number][0];

function Section({ id, children }: { readonly id: SectionId; readonly children: ComponentChildren }) {
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{SECTIONS.find(([known]) => known === id)?.[1]}</h2>
      {children}
    </section>
  );
}

function Program() {
  return (
    <Section id="program">
      <p>
        <code>cpm-registry</code> is one file that needs nothing else. Ask the operator of this registry for it, or
        build it from its sources with <code>npm run build</code>, and put it on your <code>PATH</code>.
      </p>
      <Command text="cpm-registry --version" label="the command that prints the version" />
    </Section>
  );
}

function Account({ visit: { base, visitor, root }, config: { registration } }: HelpProps) {
  const isOpen = registration === "open" && visitor === undefined;
  return (
    <Section id="account">
      {isOpen && (
        <>
          <p>It asks for a user name, an e-mail address and a password:</p>
          <Command text={`cpm-registry register ${base}`} label="the command that makes an account" />
          <p>With an account, log the program in:</p>
        </>
      )}
      {!isOpen && visitor === undefined && (
        <p>Registration is closed here: ask the operator for an account. Then log the program in:</p>
      )}
      {visitor !== undefined && (
        <p>
          You have an account, <a href={`${root}users/${visitor.user.username}`}>{visitor.user.username}</a>. Log the
          program in:
        </p>
      )}
      <Command text={`cpm-registry login ${base}`} label="the command that logs in" />
      <p>
        The program remembers this registry, and keeps an API token instead of the password. So the commands below need
        not name the registry.
      </p>
    </Section>
  );
}

function Publish() {
  return (
    <Section id="publish">
      <p>Begin with a package that works, and change it:</p>
      <Command text="cpm-registry init hello" label="the command that makes a package" />
      <p>
        Look whether it keeps the rules, without asking the registry. Then publish: the first time, this makes your
        signing key.
      </p>
      <Command text="cpm-registry check hello" label="the command that checks a package" />
      <Command text="cpm-registry publish hello" label="the command that publishes" />
      <p>
        The first version of a name makes you its owner, and from then on only keys that you let in can sign it. Keep a
        copy of your key on another disk:
      </p>
      <Command text="cpm-registry key backup --out publisher.pem" label="the command that copies the key" />
      <p>
        A published version never changes. If one is broken, yank it: it disappears from search and from{" "}
        <code>latest</code>, and those who need it still get it.
      </p>
      <Command text="cpm-registry yank hello@0.1.0 --reason broken" label="the command that yanks" />
    </Section>
  );
}

function Find({ visit: { base, root }, config: { readAccess } }: HelpProps) {
  return (
    <Section id="find">
      {readAccess === "public" ? (
        <>
          <p>Reading needs no account. Name the registry once:</p>
          <Command text={`cpm-registry config set registry ${base}`} label="the command that names this registry" />
        </>
      ) : (
        <p>
          This registry is private: log in first, as above. For a machine, put a token with the scope <code>read</code>{" "}
          into <code>CPM_API_TOKEN</code>.
        </p>
      )}
      <Command text="cpm-registry search database --tag web" label="the command that searches" />
      <Command text="cpm-registry info hello" label="the command that shows a package" />
      <Command text="cpm-registry download hello --extract hello" label="the command that downloads and unpacks" />
      <p>
        Every download is verified before it is kept. In the browser, begin at{" "}
        <a href={`${root}search`}>all packages</a>.
      </p>
    </Section>
  );
}

function Verify({ visit: { base, root } }: OfVisit) {
  return (
    <Section id="verify">
      <p>
        For an archive from anywhere: was it signed by a key that may sign it, and is it in the{" "}
        <a href={`${root}log`}>transparency log</a>?
      </p>
      <Command
        text={`cpm-registry verify hello-0.1.0.cpm --registry ${base}`}
        label="the command that verifies an archive"
      />
      <p>And the log as a whole, on a machine that is not the registry's:</p>
      <Command text={`cpm-registry log audit --registry ${base}`} label="the command that audits the log" />
    </Section>
  );
}

function Automation({ visit: { base } }: OfVisit) {
  return (
    <Section id="ci">
      <p>A job needs a token in place of a password, and a key of its own. Make both on your machine:</p>
      <Command
        text="cpm-registry token create --label hello-in-ci --package hello"
        label="the command that makes a token"
      />
      <Command text="cpm-registry key generate ci --no-passphrase" label="the command that makes a key for the job" />
      <Command text="cpm-registry key add ci --package hello" label="the command that lets the key sign" />
      <p>
        Put the token into the job's secret <code>CPM_API_TOKEN</code>, and the text of <code>~/.cpm/keys/ci.pem</code>{" "}
        into <code>CPM_SIGNING_KEY</code>. The job then runs one command, which can be repeated:
      </p>
      <Command text={`CPM_REGISTRY=${base} cpm-registry publish hello --if-changed`} label="the command of the job" />
    </Section>
  );
}

function Cpm() {
  return (
    <Section id="cpm">
      <p>
        The <code>cpm</code> program of ColonyOS, built with the Go module of this registry, reads the same settings and
        login. It verifies, too.
      </p>
      <Command text="cpm install hello --version latest" label="the command that installs with cpm" />
      <Command text="cpm publish hello" label="the command that publishes with cpm" />
    </Section>
  );
}

function Curl({ visit: { base, root }, config: { readAccess } }: HelpProps) {
  const authorization = readAccess === "public" ? "" : ' -H "Authorization: Bearer $CPM_API_TOKEN"';
  const curl = `curl -sS --fail-with-body${authorization}`;
  return (
    <Section id="curl">
      <p>
        Everything has an address. <a href={`${root}swagger`}>The API</a> describes them all, and lets you try them.
      </p>
      <Command text={`${curl} "${base}/api/packages?search=database"`} label="the command that searches with curl" />
      <Command
        text={`${curl} -o hello.cpm ${base}/api/packages/hello/latest/download`}
        label="the command that downloads with curl"
      />
      <p>
        curl verifies nothing. With the proof and the key of the log, an archive can be verified later, without a
        network:
      </p>
      <Command
        text={`${curl} -o hello.proof ${base}/api/packages/hello/latest/proof`}
        label="the command that downloads a proof"
      />
      <Command text={`${curl} -o log.vkey ${base}/log/vkey`} label="the command that downloads the key of the log" />
      <Command
        text='cpm-registry verify hello.cpm --proof hello.proof --vkey "$(cat log.vkey)"'
        label="the command that verifies with a proof"
      />
    </Section>
  );
}

/** How to begin, with the address of this very registry in every example. */
export const helpPage: PageSpec = {
  audience: "reader",
  load: (deps, visit) => {
    const { config } = deps;
    const { title } = siteOf(deps);
    return {
      title: "Getting started",
      description: `How to find, verify and publish packages at ${title}`,
      body: (
        <div class="prose">
          <h1>Getting started</h1>
          <p class="lead">From nothing to a published and verified package, with this registry.</p>
          <nav aria-label="On this page">
            <ul class="contents">
              {SECTIONS.map(([id, text]) => (
                <li key={id}>
                  <a href={`#${id}`}>{text}</a>
                </li>
              ))}
            </ul>
          </nav>
          <Program />
          <Account visit={visit} config={config} />
          <Publish />
          <Find visit={visit} config={config} />
          <Verify visit={visit} />
          <Automation visit={visit} />
          <Cpm />
          <Curl visit={visit} config={config} />
        </div>
      ),
    };
  },
};
