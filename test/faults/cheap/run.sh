#!/bin/bash
# Runs the node in the foreground. Its command line is that of Elasticsearch's server, by which the agent knows a node that does not listen yet.
exec -a java "$CHEAP_NODE_EXECUTABLE" "$(dirname "$0")/node.ts" -m org.elasticsearch.server/org.elasticsearch.bootstrap.Elasticsearch
