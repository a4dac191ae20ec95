#!/bin/sh
# Installs cpm-registry from a release:
#
#     sh install.sh                                   into /usr/local/bin as root, else into ~/.local/bin
#     sh install.sh --dir /opt/cpm/bin
#     sh install.sh --base-url https://example.org/cpm-registry/0.3.0 --key 'ssh-ed25519 AAAA…'
#
# It needs curl or wget, and ssh-keygen or OpenSSL 3. It verifies the signature of the checksums, and the checksum of
# what it downloads, before it unpacks anything. The executable is put in place in one step at the end: until then
# nothing that exists is changed, and a failure leaves nothing behind.
set -eu
umask 022

# `npm run release` writes the two values of a release here.
RELEASE_KEY=''
BASE_URL=''

install_dir=''
target=''
work=''
staged=''

say() { printf '%s\n' "$*"; }

fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

clean_up() {
  [ -z "$staged" ] || rm -f "$staged"
  [ -z "$work" ] || rm -rf "$work"
}

has() { command -v "$1" >/dev/null 2>&1; }

usage() {
  say 'usage: sh install.sh [--base-url <url>] [--key <ssh-ed25519 key>] [--dir <directory>] [--target <system>]'
  exit 0
}

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
    --help) usage ;;
    --base-url | --key | --dir | --target)
      [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value."
      case $1 in
      --base-url) BASE_URL=$2 ;;
      --key) RELEASE_KEY=$2 ;;
      --dir) install_dir=$2 ;;
      --target) target=$2 ;;
      esac
      shift 2
      ;;
    *) fail "unknown option $1. Run: sh install.sh --help" ;;
    esac
  done
  BASE_URL=${BASE_URL%/}
  [ -n "$BASE_URL" ] || fail 'no address of a release. Name it with --base-url.'
  case $BASE_URL in
  https://?* | http://127.0.0.1:* | http://localhost:*) ;;
  *) fail "$BASE_URL is not an https:// address." ;;
  esac
  case $RELEASE_KEY in
  'ssh-ed25519 '?*) ;;
  *) fail "no key that signs releases. Name it with --key 'ssh-ed25519 AAAA…', from a source that you trust." ;;
  esac
  if [ -z "$install_dir" ]; then
    if [ "$(id -u)" = 0 ]; then install_dir=/usr/local/bin; else install_dir=${HOME:?}/.local/bin; fi
  fi
}

is_musl() {
  case $(ldd --version 2>&1 || true) in
  *musl*) return 0 ;;
  *GLIBC* | *GNU* | *glibc*) return 1 ;;
  esac
  for loader in /lib/ld-musl-*; do [ -e "$loader" ] && return 0; done
  return 1
}

find_target() {
  system=$(uname -s)
  machine=$(uname -m)
  case $machine in
  x86_64 | amd64) machine=x64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) fail "there is no release for the processor $machine. Build from source." ;;
  esac
  case $system in
  Linux) if is_musl; then target=linux-$machine-musl; else target=linux-$machine; fi ;;
  Darwin)
    # Under Rosetta, uname names the processor that is emulated.
    if [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || true)" = 1 ]; then machine=arm64; fi
    target=darwin-$machine
    ;;
  *) fail "there is no release for $system that this script can install. On Windows, unpack the .zip." ;;
  esac
}

# A name without a directory, of this release. What a list says goes into paths and addresses.
is_plain_name() {
  case $1 in
  '' | .* | *[!A-Za-z0-9._-]*) return 1 ;;
  esac
}

download() {
  if has curl; then
    curl --fail --silent --show-error --location --proto '=https,http' --proto-redir '=https' \
      --connect-timeout 20 --retry 2 --output "$work/$1" "$BASE_URL/$1"
  elif has wget; then
    wget -q -O "$work/$1" "$BASE_URL/$1"
  else
    fail 'curl or wget is needed.'
  fi || fail "$BASE_URL/$1 cannot be downloaded."
}

# Verifies SHA256SUMS.sig with ssh-keygen (OpenSSH 8.1 or later).
verify_with_ssh() {
  printf 'release %s\n' "$RELEASE_KEY" >"$work/signers"
  ssh-keygen -Y verify -f "$work/signers" -I release -n cpm-registry -s "$work/SHA256SUMS.sig" \
    <"$work/SHA256SUMS" >"$work/answer" 2>&1
}

# Verifies the signature in SHA256SUMS.minisig with OpenSSL 3: 2 bytes of type and 8 of id precede its 64 bytes.
verify_with_openssl() {
  key=${RELEASE_KEY#ssh-ed25519 }
  {
    printf '\060\052\060\005\006\003\053\145\160\003\041\000'
    printf '%s' "${key%% *}" | openssl base64 -d -A | tail -c 32
  } >"$work/key.der"
  sed -n 2p "$work/SHA256SUMS.minisig" | openssl base64 -d -A | tail -c 64 >"$work/signature"
  openssl pkeyutl -verify -pubin -inkey "$work/key.der" -keyform DER -rawin \
    -in "$work/SHA256SUMS" -sigfile "$work/signature" >"$work/answer" 2>&1
}

knows_ssh_signatures() { has ssh-keygen && ssh-keygen -Y verify 2>&1 | grep -q namespace; }
knows_ed25519() { has openssl && openssl version | grep -q '^OpenSSL [3-9]'; }

verify_signature() {
  if knows_ssh_signatures; then
    download SHA256SUMS.sig
    verify_with_ssh && return 0
  elif knows_ed25519; then
    download SHA256SUMS.minisig
    verify_with_openssl && return 0
  else
    fail 'ssh-keygen (OpenSSH 8.1) or OpenSSL 3 is needed to verify the release. Install one of them.'
  fi
  fail "the signature of $BASE_URL/SHA256SUMS is wrong. Nothing was installed. Do not use these files."
}

sha256() {
  if has sha256sum; then
    sha256sum "$1"
  elif has shasum; then
    shasum -a 256 "$1"
  else
    openssl dgst -sha256 -r "$1"
  fi | cut -d ' ' -f 1
}

fetch_verified() {
  download SHA256SUMS
  verify_signature
  line=$(grep -E "^[0-9a-f]{64}  cpm-registry-[0-9][A-Za-z0-9.-]*-$target\.tar\.gz\$" "$work/SHA256SUMS" || true)
  # linux-x64 must not match linux-x64-musl, nor a version that ends like a target.
  [ "$(printf '%s\n' "$line" | grep -c .)" = 1 ] || fail "the release has no archive for $target."
  wanted=${line%% *}
  name=${line##* }
  is_plain_name "$name" || fail "the release names an archive $name, which is no plain name."
  download "$name"
  [ "$(sha256 "$work/$name")" = "$wanted" ] ||
    fail "the checksum of $BASE_URL/$name is wrong. Nothing was installed. Try again, or tell whoever runs that server."
}

install_executable() {
  directory=${name%.tar.gz}
  (cd "$work" && tar -xzf "$name" "$directory") || fail "$name cannot be unpacked."
  version=$("$work/$directory/cpm-registry" version) || fail "the executable of $target does not run on this machine."
  mkdir -p "$install_dir" || fail "$install_dir cannot be made. Choose another with --dir."
  [ ! -d "$install_dir/cpm-registry" ] || fail "$install_dir/cpm-registry is a directory."
  staged=$install_dir/.cpm-registry.$$
  { cp "$work/$directory/cpm-registry" "$staged" && chmod 755 "$staged"; } ||
    fail "$install_dir cannot be written. Run this as root, or choose another directory with --dir."
  mv -f "$staged" "$install_dir/cpm-registry" || fail "$install_dir/cpm-registry cannot be replaced."
  staged=''
  say "Installed $version as $install_dir/cpm-registry."
  case :$PATH: in
  *":$install_dir:"*) ;;
  *) say "$install_dir is not on your PATH. Add it, for example: export PATH=\"$install_dir:\$PATH\"" ;;
  esac
}

# The whole script is read before anything runs, so that one cut short by a lost connection does nothing.
main() {
  read_options "$@"
  [ -n "$target" ] || find_target
  work=$(mktemp -d)
  trap clean_up EXIT
  trap 'exit 1' HUP INT TERM
  fetch_verified
  install_executable
}

main "$@"
