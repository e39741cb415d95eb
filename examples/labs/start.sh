#!/usr/bin/env bash
# Be the server, or one node, of a run over several machines that are lent.
#
#     examples/labs/start.sh server [ADDRESS of this machine, if it has several]
#     examples/labs/start.sh node NAME SERVER RADIO LOW_HZ:HIGH_HZ [more options of sdr-ota node]
#
# Installs what is missing first. Who has the server's token, ~/.ray/auth_token, may run programs on
# all machines: a node waits until you have copied it there, and joins then.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=${SDR_OTA_ENVIRONMENT:-/opt/sdr-ota}
token=~/.ray/auth_token

server() {
  [ -s "$token" ] || ray get-auth-token --generate
  exec ray start --head --port 6379 ${1:+--node-ip-address "$1"} \
    --include-dashboard=false --disable-usage-stats --block
}

node() {
  local name=$1 server=$2 radio=$3 band=$4
  shift 4
  echo "node $name: waiting for the server's token in $token"
  until [ -s "$token" ]; do sleep 2; done
  exec sdr-ota node "$name" --address "$server:6379" --radio "$radio" --band "$band" "$@"
}

case "${1:-}:$#" in
server:[12] | node:[5-9] | node:1?) ;;
*)
  echo "start.sh: say server [ADDRESS], or node NAME SERVER RADIO LOW_HZ:HIGH_HZ" >&2
  exit 2
  ;;
esac
"$here/install.sh" "$environment"
export PATH="$environment/bin:$PATH"
"$@"
