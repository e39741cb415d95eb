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
"$here/install.sh" "$environment"
export PATH="$environment/bin:$PATH"
token=~/.ray/auth_token

case ${1:-} in
server)
  [ -s "$token" ] || ray get-auth-token --generate
  exec ray start --head --port 6379 ${2:+--node-ip-address "$2"} \
    --include-dashboard=false --disable-usage-stats --block
  ;;
node)
  name=$2 server=$3 radio=$4 band=$5
  shift 5
  echo "node $name: waiting for the server's token in $token"
  until [ -s "$token" ]; do sleep 2; done
  exec sdr-ota node "$name" --address "$server:6379" --radio "$radio" --band "$band" "$@"
  ;;
*)
  echo "start.sh: say server, or node NAME SERVER RADIO BAND" >&2
  exit 2
  ;;
esac
