#!/bin/bash
# Installs the Debian packages that a purpose needs, if any are missing.
#
#	examples/deps.sh build     to compile and mount
#	examples/deps.sh try       also to record programs (strace)
#	examples/deps.sh test      also to run every test
set -eu

build="gcc libc6-dev meson ninja-build pkg-config fuse3 libfuse3-dev
	libsqlite3-dev libzstd-dev liblz4-dev libxxhash-dev libbsd-dev libcmocka-dev"
try="strace util-linux binutils procps"
tools="htop numactl smem python3-psutil prometheus-node-exporter bsdutils"
test="valgrind sqlite3 python3 gcc-multilib clang libclang-rt-14-dev
	clang-format gawk $tools"

case ${1:-build} in
build) want=$build ;;
try) want="$build $try" ;;
test) want="$build $try $test" ;;
*)
	echo "usage: $0 build|try|test" >&2
	exit 2
	;;
esac

missing=
for p in $want; do
	state=$(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true)
	[ "$state" = "install ok installed" ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "$0: these Debian packages are missing:$missing" >&2
	echo "This is no Debian: install what corresponds to them." >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "$0: these packages are missing:$missing" >&2
	echo "Install them as root: apt-get install$missing" >&2
	exit 1
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || echo "$0: apt-get update failed; trying all the same" >&2
# shellcheck disable=SC2086
if ! apt-get install -y -qq --no-install-recommends $missing >/tmp/pagefs-apt.$$ 2>&1; then
	tail -20 /tmp/pagefs-apt.$$ >&2
	echo "$0: apt-get could not install:$missing" >&2
	exit 1
fi
# The exporter is run by a test; as a service it would listen from now on.
case $missing in
*prometheus-node-exporter*)
	systemctl disable --now prometheus-node-exporter >/dev/null 2>&1 || true
	;;
esac
rm -f /tmp/pagefs-apt.$$
