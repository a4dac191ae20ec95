import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { ENVIRONMENT, gnuTar, goOracle, pythonPath } from "./programs.ts";

const ORACLE = import.meta.dir;

/** What a form of a packer cannot hold. Its packer fails, or leaves files out. */
export type Shortcoming = "long names" | "large owners" | "letters beyond ASCII";

/** One way to make a tar. */
export interface Packing {
  readonly packer: string;
  /** The format or the options, as a test's name has them. */
  readonly form: string;
  readonly cannot: readonly Shortcoming[];
  /** Returns an uncompressed tar of what is in a folder. Throws if the packer fails. */
  readonly pack: (folder: string) => Uint8Array;
}

/** Every way to make a tar that this machine has, and a line for each packer that it lacks. */
export interface Packers {
  readonly packings: readonly Packing[];
  readonly missing: readonly string[];
}

interface Form {
  readonly form: string;
  readonly command: (folder: string) => readonly string[];
  readonly cannot?: readonly Shortcoming[];
}

interface Packer {
  readonly packer: string;
  /** Undefined if the packer is not on this machine. */
  readonly forms: readonly Form[] | undefined;
  /** Runs in the folder instead of being told it. */
  readonly inFolder?: boolean;
}

const GNU_FORMATS: Readonly<Record<string, readonly Shortcoming[]>> = {
  gnu: [],
  oldgnu: [],
  pax: [],
  ustar: ["large owners"],
  v7: ["large owners", "long names"],
};
const BSD_FORMATS: Readonly<Record<string, readonly Shortcoming[]>> = {
  gnutar: [],
  pax: [],
  paxr: [],
  ustar: ["large owners"],
  v7: ["large owners", "long names"],
};
const GO_FORMATS: Readonly<Record<string, readonly Shortcoming[]>> = {
  ustar: ["large owners", "letters beyond ASCII"],
  pax: [],
  gnu: [],
};
const PYTHON_FORMATS: Readonly<Record<string, readonly Shortcoming[]>> = { ustar: ["large owners"], pax: [], gnu: [] };

const PERL_PROGRAM = `
  use Archive::Tar; use File::Find; my $tar = Archive::Tar->new; chdir $ARGV[0];
  find({ no_chdir => 1, wanted => sub { $tar->add_files($_) } }, ".");
  print $tar->write;
`;

/**
 * Commits what is in a folder to a repository of its own and archives the commit. The repository is
 * beside the folder, so that it is not packed.
 */
const GIT_PROGRAM = `
  set -e; repository=$(mktemp -d); trap 'rm -rf "$repository"' EXIT
  git="git --git-dir=$repository/git --work-tree=. -c user.name=a -c user.email=a@example.org -c safe.directory=*"
  $git init -q; $git add -A; $git commit -q -m one; $git archive --format=tar HEAD
`;

/** Finds the packers of this machine. The Go packer is compiled below `scratch`. */
export async function findPackers(scratch: string): Promise<Packers> {
  const packers = await knownPackers(scratch);
  const packings = packers.flatMap(({ packer, forms, inFolder }) =>
    (forms ?? []).map(({ form, command, cannot = [] }): Packing => {
      const pack = (folder: string) => packWith(command(folder), inFolder === true ? folder : scratch);
      return { packer, form, cannot, pack };
    }),
  );
  return { packings, missing: packers.filter(({ forms }) => forms === undefined).map(({ packer }) => packer) };
}

async function knownPackers(scratch: string): Promise<Packer[]> {
  const go = await goOracle(scratch);
  const tar = gnuTar();
  const python = pythonPath();
  const npmTar = packageOfNpm("tar");
  const tarStream = join(ORACLE, "../../../node_modules/tar-stream");
  const perl = Bun.which("perl");
  const hasPerlTar = perl !== null && Bun.spawnSync([perl, "-MArchive::Tar", "-e", "1"]).success;
  return [
    { packer: "GNU tar", forms: tar === undefined ? undefined : gnuForms(tar) },
    { packer: "bsdtar", forms: ifFound("bsdtar", bsdForms()) },
    { packer: "busybox tar", forms: ifFound("busybox", [plain((f) => ["busybox", "tar", "-C", f, "-cf", "-", "."])]) },
    { packer: "7-Zip", inFolder: true, forms: ifFound("7z", sevenZipForms()) },
    { packer: "git archive", inFolder: true, forms: ifFound("git", [plain(() => ["sh", "-c", GIT_PROGRAM])]) },
    { packer: "Go's archive/tar", forms: go === undefined ? undefined : libraryForms(GO_FORMATS, [go, "pack"]) },
    { packer: "Python's tarfile", forms: python === null ? undefined : pythonForms(python) },
    { packer: "npm's tar", forms: npmTar === undefined ? undefined : npmForms(npmTar) },
    {
      packer: "tar-stream",
      forms: existsSync(tarStream) ? [plain((f) => nodePack("tar-stream", tarStream, f))] : undefined,
    },
    { packer: "Perl's Archive::Tar", forms: hasPerlTar ? [plain((f) => [perl, "-e", PERL_PROGRAM, f])] : undefined },
  ];
}

function ifFound(program: string, forms: readonly Form[]): readonly Form[] | undefined {
  return Bun.which(program) === null ? undefined : forms;
}

function plain(command: Form["command"]): Form {
  return { form: "its defaults", command };
}

function formatsOf(formats: Readonly<Record<string, readonly Shortcoming[]>>, program: string): Form[] {
  return Object.entries(formats).map(([format, cannot]) => {
    return {
      form: format,
      cannot,
      command: (folder) => [program, `--format=${format}`, "-C", folder, "-cf", "-", "."],
    };
  });
}

function gnuForms(tar: string): Form[] {
  const form = "pax with extended attributes and access control lists";
  const options = ["--format=pax", "--xattrs", "--acls", "--selinux"];
  return [
    ...formatsOf(GNU_FORMATS, tar),
    { form, command: (folder) => [tar, ...options, "-C", folder, "-cf", "-", "."] },
  ];
}

/** Without a locale, as in containers, bsdtar marks names beyond ASCII as bytes. */
function bsdForms(): Form[] {
  const command = (folder: string) => ["env", "LC_ALL=C", "bsdtar", "-C", folder, "-cf", "-", "."];
  return [...formatsOf(BSD_FORMATS, "bsdtar"), { form: "pax without a locale", command }];
}

/** 7-Zip packs the folder that it runs in. */
function sevenZipForms(): Form[] {
  const command =
    (...options: string[]) =>
    () => ["7z", "a", "-ttar", ...options, "-so", "archive.tar", "."];
  return [plain(command()), { form: "posix", command: command("-mm=posix") }];
}

function libraryForms(
  formats: Readonly<Record<string, readonly Shortcoming[]>>,
  pack: readonly string[],
  ...more: string[]
): Form[] {
  return Object.entries(formats).map(([format, cannot]) => {
    return { form: format, cannot, command: (folder) => [...pack, format, folder, ...more] };
  });
}

function pythonForms(python: string): Form[] {
  const pack = [python, join(ORACLE, "oracle.py"), "pack"];
  const unnamed = libraryForms(PYTHON_FORMATS, pack, "").map((form) => ({
    ...form,
    form: `${form.form} with arcname=""`,
  }));
  return [...libraryForms(PYTHON_FORMATS, pack), ...unnamed];
}

function npmForms(library: string): Form[] {
  return [
    plain((folder) => nodePack("tar", library, folder)),
    { form: "portable", command: (folder) => nodePack("tar", library, folder, "portable") },
  ];
}

function nodePack(name: string, library: string, folder: string, ...more: string[]): string[] {
  return [Bun.which("node") ?? process.execPath, join(ORACLE, "pack.mjs"), name, library, folder, ...more];
}

/** Returns the path of a package that npm itself uses, so that the tests need not install it. */
function packageOfNpm(name: string): string | undefined {
  const npm = Bun.which("npm");
  if (npm === null) return undefined;
  const path = join(realpathSync(npm), "../../node_modules", name);
  return existsSync(path) ? path : undefined;
}

function packWith(command: readonly string[], cwd: string): Uint8Array {
  const { success, stdout, stderr } = Bun.spawnSync([...command], { cwd, env: ENVIRONMENT });
  if (!success) throw new Error(`${command.join(" ")} failed: ${stderr}`);
  return new Uint8Array(stdout);
}
