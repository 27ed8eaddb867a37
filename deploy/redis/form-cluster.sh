#!/bin/sh
# form-cluster.sh host:port...: makes a Redis Cluster of empty servers, each primary with one replica, and waits until it
# is whole. Where they are one already, it only waits. Addresses must be numeric: servers tell them to each other.
set -eu

host=${1%:*}
port=${1#*:}
first() { redis-cli -h "$host" -p "$port" cluster info | tr -d '\r'; }

if first | grep -qx 'cluster_known_nodes:1'; then
  redis-cli --cluster create "$@" --cluster-replicas 1 --cluster-yes
fi
until first | grep -qx 'cluster_state:ok'; do sleep 1; done
