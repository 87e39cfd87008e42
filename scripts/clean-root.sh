#!/bin/sh
# Proves that Bigbox needs nothing but itself: makes a bare Debian root, clones this repository into it and runs a command there.
#   scripts/clean-root.sh DIRECTORY COMMAND...           as root
#   scripts/clean-root.sh --user DIRECTORY COMMAND...    as a normal user who may use sudo
# DIRECTORY is made when it is missing and kept afterwards, so that a second command finds what the first one left.
# This machine's certificates and its pip, npm and apt settings go along: they belong to the network, not to Bigbox.
set -eu

suite=bookworm
user=root
if [ "${1:-}" = --user ]; then
  user=person
  shift
fi
[ $# -ge 2 ] || {
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
[ "$(id -u)" = 0 ] || {
  echo 'error: A root file system is made and entered by root only. Run it with sudo.' >&2
  exit 1
}
directory=$1
shift
repository=$(git -C "$(dirname -- "$0")" rev-parse --show-toplevel)

make_root() {
  echo "Makes a bare Debian $suite in $directory." >&2
  # What cleans up for the host's containers would empty the archive that the root is made from.
  mmdebstrap --quiet --variant=minbase --include=git,curl,ca-certificates,sudo "$suite" "$directory"
  cp -L /etc/ssl/certs/ca-certificates.crt "$directory/etc/ssl/certs/ca-certificates.crt"
  cp -L /etc/resolv.conf "$directory/etc/resolv.conf" 2>/dev/null || true
  cp -L /etc/hosts "$directory/etc/hosts"
  for settings in /etc/apt/sources.list.d/debian.sources /etc/pip.conf /etc/npmrc; do
    [ ! -f "$settings" ] || cp "$settings" "$directory$settings"
  done
  [ ! -f "$directory/etc/apt/sources.list.d/debian.sources" ] || : >"$directory/etc/apt/sources.list"
  # Only what says how the network is reached.
  grep -hsE '^[[:space:]]*Acquire::(http|https|Check-)' /etc/apt/apt.conf.d/* >"$directory/etc/apt/apt.conf.d/90network" || true
  chroot "$directory" useradd --create-home --shell /bin/bash person
  echo 'person ALL=(ALL) NOPASSWD: ALL' >"$directory/etc/sudoers.d/person"
  for home in root home/person; do
    [ ! -f "$HOME/.npmrc" ] || cp "$HOME/.npmrc" "$directory/$home/.npmrc"
    [ ! -d "$HOME/.config/pip" ] || { mkdir -p "$directory/$home/.config" && cp -r "$HOME/.config/pip" "$directory/$home/.config/"; }
  done
  chroot "$directory" chown -R person: /home/person
}

# The settings of pip, npm and certificates that come by the environment, as lines of a shell.
network_environment() {
  env | grep -E '^(PIP_[A-Z_]*|npm_config_registry|NPM_CONFIG_[A-Z_]*|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|CARGO_[A-Z_]*|CARGO_HTTP_CAINFO|GIT_SSL_CAINFO|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)=' |
    grep -vE '^(PIP_FIND_LINKS|CARGO_HOME)=' | sed "s/'/'\\\\''/g; s/=/='/; s/\$/'/; s/^/export /"
}

mounted=''
leave() {
  for place in $mounted; do umount -l "$directory/$place" || true; done
}
enter() {
  for place in proc dev dev/pts dev/shm sys; do
    mkdir -p "$directory/$place"
    case $place in
    proc) mount -t proc proc "$directory/proc" ;;
    sys) mount --rbind --make-rslave /sys "$directory/sys" ;;
    *) mount --bind "/$place" "$directory/$place" ;;
    esac
    mounted="$place $mounted"
  done
}

[ -d "$directory/etc" ] || make_root
directory=$(cd "$directory" && pwd)
trap leave EXIT
trap 'exit 130' INT TERM
enter
home=/root
[ "$user" = root ] || home=/home/$user
if [ ! -d "$directory$home/bigbox" ]; then
  git clone -q "$repository" "$directory$home/bigbox"
  chroot "$directory" chown -R "$user:" "$home/bigbox"
fi
network_environment >"$directory/etc/profile.d/network.sh"
# shellcheck disable=SC2016 # the inner shell expands it
chroot "$directory" su - "$user" -c '. /etc/profile.d/network.sh; cd ~/bigbox && exec "$@"' -- sh "$@"
