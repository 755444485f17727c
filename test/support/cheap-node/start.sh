#!/bin/sh
# Starts the node in the background, as `bin/elasticsearch -d` does: its output goes to a file, the command ends at once.
setsid "$CHEAP_NODE_EXECUTABLE" "$(dirname "$0")/node.mjs" > "$ES_PATH_CONF/../elasticsearch.log" 2>&1 < /dev/null &
