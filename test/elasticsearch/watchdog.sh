#!/bin/sh
# watchdog.sh DIRECTORY: waits for the end of its stdin, which comes when the process that made the cluster in DIRECTORY
# closes it or dies, be it by kill -9. Then ends the cluster's nodes and removes DIRECTORY.
directory=$1
cat > /dev/null
rm -f "$directory/owned" # from here on the start scripts start nothing

for pidfile in "$directory"/*/pid; do
  [ -s "$pidfile" ] || continue
  pid=$(cat "$pidfile")
  while [ "$(readlink "/proc/$pid/cwd")" = "${pidfile%/pid}" ]; do # else the pid is no longer the node's
    kill -9 "$pid" 2> /dev/null
    sleep 0.05
  done
done
for container in "$directory"/*/container; do
  [ -s "$container" ] && docker rm -f "$(cat "$container")" > /dev/null 2>&1
done
rm -rf "$directory"
