#!/bin/sh
# Installs distribution packages, as root: install-packages.sh PACKAGE…
# Of `A|B`, A is installed where the distribution has it, else B.
#
# Packages with servers would start them. While packages are installed, `invoke-rc.d` is told not to,
# by a policy file that goes away however this ends.
set -eu

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    echo "setup: no server is started meanwhile ($policy)"
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update
for package in "$@"; do
    shift
    first=${package%%|*}
    if [ "$first" != "$package" ] && ! apt-cache show "$first" >/dev/null 2>&1; then
        first=${package#*|}
    fi
    set -- "$@" "$first"
done
# A machine that has just been started may be updating itself.
apt-get --option DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@"
