import { parsePackageName } from "../domain/package-name.ts";
import { clientFault } from "./client-fault.ts";

/** A package that the command line names, and one of its versions. */
export interface PackageSpec {
  readonly name: string;
  /** Undefined where the command line names none. */
  readonly version: string | undefined;
}

/** Reads `<name>` or `<name>@<version>`. Throws `ClientFault` where the name cannot be one. */
export function parsePackageSpec(text: string): PackageSpec {
  const at = text.indexOf("@");
  const name = at < 0 ? text : text.slice(0, at);
  const version = at < 0 ? undefined : text.slice(at + 1);
  if (parsePackageName(name) === undefined || version === "" || /[\s/]/.test(version ?? "")) {
    const detail = `'${text}' names no package. Write <name> or <name>@<version>, such as hello@0.1.0.`;
    throw clientFault("usage", "client_package_invalid", detail);
  }
  return { name, version };
}

/** Returns the path of a package in the API. */
export function packagePath(name: string): string {
  return `/api/packages/${encodeURIComponent(name)}`;
}

/** Returns the path of a version in the API. Without a version, it is that of the latest. */
export function versionPath({ name, version = "latest" }: PackageSpec): string {
  return `${packagePath(name)}/${encodeURIComponent(version)}`;
}

/** Writes a package as the command line names it. */
export function packageSpecText({ name, version }: PackageSpec): string {
  return version === undefined ? name : `${name}@${version}`;
}
