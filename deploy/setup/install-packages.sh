#!/bin/sh
# Installs Debian packages as root: install-packages.sh PACKAGE|PACKAGE… …    of each argument the first that apt has.
# Debian starts and enables redis-server's service at its installation. Remora starts its own Redis, so that service
# stays off, unless it was there before.
set -eu
export DEBIAN_FRONTEND=noninteractive
lock_wait='-o DPkg::Lock::Timeout=600'

policy=/usr/sbin/policy-rc.d # asked by every package before it starts a service; 101 forbids
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi

# shellcheck disable=SC2086 # a list
apt-get $lock_wait update

first_known() { # PACKAGE|PACKAGE…
  for package in $(echo "$1" | tr '|' ' '); do
    if apt-cache show "$package" > /dev/null 2>&1; then
      echo "$package"
      return
    fi
  done
  echo "E: none of $1 is in this machine's package lists (is it offline?)" >&2
  exit 1
}

chosen=''
for choice; do
  package=$(first_known "$choice")
  chosen="$chosen $package"
done

mkdir -p /usr/share/man/man1 # slim images lack it, and the JDK's post-installation fails without
# shellcheck disable=SC2086 # lists
apt-get $lock_wait install -y --no-install-recommends $chosen

case " $chosen " in
  *' redis-server '*) update-rc.d redis-server disable || true ;;
esac
