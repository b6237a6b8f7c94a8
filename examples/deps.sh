#!/bin/bash
# Installs the Debian packages that a purpose needs, if any are missing.
#
#	examples/deps.sh build     to compile and mount
#	examples/deps.sh try       also to record programs (strace)
#	examples/deps.sh test      also to run every test: besides the packages,
#	                           page-types, built from Debian's linux-source
set -eu

build="gcc libc6-dev meson ninja-build pkg-config fuse3 libfuse3-dev
	libsqlite3-dev libzstd-dev liblz4-dev libxxhash-dev libbsd-dev libcmocka-dev"
try="strace util-linux binutils procps"
tools="htop lsof sysstat numactl smem python3-psutil prometheus-node-exporter bsdutils"
test="valgrind sqlite3 python3 gcc-multilib clang libclang-rt-14-dev
	clang-format gawk make xz-utils $tools"

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
# page-types is in no package: made from the kernel's sources, 139 MB of which
# three directories are unpacked.
page_types() {
	local dir
	command -v page-types >/dev/null && return
	[ "$(id -u)" = 0 ] || {
		echo "$0: page-types is missing: run this as root" >&2
		return 1
	}
	echo "Building page-types"
	dir=$(mktemp -d)
	(
		cd "$dir"
		chmod 755 .
		apt-get download -qq linux-source-6.1 2>/dev/null
		dpkg --fsys-tarfile linux-source-6.1_*.deb |
			tar -xO ./usr/src/linux-source-6.1.tar.xz |
			tar -xJ --strip-components=1 linux-source-6.1/tools/vm \
				linux-source-6.1/tools/lib \
				linux-source-6.1/tools/include \
				linux-source-6.1/tools/build \
				linux-source-6.1/tools/scripts \
				linux-source-6.1/include/uapi/linux
		make -s -C tools/vm page-types
		install tools/vm/page-types /usr/local/bin/page-types
	) >"$dir/log" 2>&1 || {
		tail -5 "$dir/log" >&2
		echo "$0: page-types could not be built" >&2
		rm -rf "$dir"
		return 1
	}
	rm -rf "$dir"
}

[ -n "$missing" ] || {
	[ "${1:-build}" != test ] || page_types
	exit
}

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
[ "${1:-build}" != test ] || page_types
