#!/bin/sh
# Ends the node whose pid file is given.
kill "$(cat "$ES_PATH_CONF/../pid")"
