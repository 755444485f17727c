#!/bin/sh
# Starts the node in the background, as `bin/elasticsearch -d` does: its output goes to a file, the command ends at once.
setsid "$(dirname "$0")/run.sh" >> "$ES_PATH_CONF/../elasticsearch.log" 2>&1 < /dev/null &
