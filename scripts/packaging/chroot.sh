# shellcheck shell=bash
# A Debian of its own in a folder, for scripts that try impasto where nothing else is installed. A script that sources this file
# defines `root`, say and die. Everything needs root and debootstrap.

certificates=/etc/ssl/of-the-host.crt
roots=${IMPASTO_ROOTS:-$root/target/package/roots}

# Starts the script again in namespaces of its own, so that mounts and processes end with it, however it ends.
isolate() { # ARGUMENTS...
  [ "$(id -u)" = 0 ] || die 'a chroot needs root; run it with sudo.'
  command -v debootstrap >/dev/null || die 'debootstrap is missing; install it: apt-get install debootstrap'
  [ -n "${IMPASTO_UNSHARED:-}" ] || exec env IMPASTO_UNSHARED=1 unshare --mount --pid --fork --kill-child "$0" "$@"
}

# Makes a minimal Debian once, and copies it to FOLDER, which is absent or empty.
minimal() { # SUITE FOLDER
  if [ ! -d "$roots/$1" ]; then
    say "making a minimal $1"
    mkdir -p "$roots"
    rm -rf "$roots/$1.new"
    debootstrap --variant=minbase "$1" "$roots/$1.new" >"$roots/$1.log" || die "debootstrap failed; see $roots/$1.log"
    mv "$roots/$1.new" "$roots/$1"
  fi
  mkdir -p "$2"
  cp -a "$roots/$1/." "$2"
}

# Prepares FOLDER for `inside`: what programs find in any system, and how this machine reaches the registries.
enter() { # FOLDER
  here=$1
  mount -t proc proc "$here/proc"
  mount --rbind /dev "$here/dev"
  mount --make-rslave "$here/dev"
  # A system that lives an hour need not survive a power cut.
  echo force-unsafe-io >"$here/etc/dpkg/dpkg.cfg.d/unsafe-io"
  cp -L /etc/resolv.conf /etc/hosts "$here/etc/"
  [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$here/etc/"
  # Not in the place of the package ca-certificates, which would write its own over it.
  install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$here$certificates"
}

# Runs a command as root in the folder that was entered, with nothing of this shell's environment but the variables named.
inside() { # [NAME=VALUE...] COMMAND...
  local -a variables=()
  while [[ $1 =~ ^[A-Za-z_]+= ]]; do variables+=("$1"); shift; done
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    PIP_CERT="$certificates" CARGO_HTTP_CAINFO="$certificates" "${variables[@]}" chroot "$here" "$@"
}
