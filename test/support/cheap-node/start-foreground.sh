#!/bin/bash
# Starts the node as `bin/elasticsearch` without -d does: by a launcher that stays, and that outlives the node for a moment.
exec -a java "$CHEAP_NODE_EXECUTABLE" "$(dirname "$0")/launcher.mjs" -Dcli.name=server "-Des.path.conf=$ES_PATH_CONF"
