#!/bin/sh
# Ends the node whose pid file is given; the number in it may be another process' by now.
pid=$(cat "$ES_PATH_CONF/../pid") && tr '\0' '\n' < "/proc/$pid/environ" | grep -qxF "ES_PATH_CONF=$ES_PATH_CONF" && kill "$pid"
