#!/bin/bash
# What the image's HEALTHCHECK runs: asks /readyz of `start`. In bash, since the image has neither curl nor wget, and a second
# Node would take 45 MB and a tenth of a second for one line. A process that hangs accepts the connection and never answers.
set -u
read -r -d '' -a arguments < <(tr '\0' ' ' < "${PROBED:-/proc/1/cmdline}"; printf '\0')
# A pull by hand, or the simulator, has no /readyz and is not unhealthy.
[[ " ${arguments[*]} " == *' /app/src/cli.ts start '* ]] || exit 0

host=${HTTP_HOST:-127.0.0.1}
case $host in
  0.0.0.0) host=127.0.0.1 ;;
  ::) host=::1 ;;
esac
exec 3<> "/dev/tcp/$host/${HTTP_PORT:-8080}" || exit 1
printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3
seconds=${PROBE_SECONDS:-8}
read -r -t "$seconds" -u 3 _ code _ || { echo "no answer within $seconds s"; exit 1; }
# What is not ready goes into the log of `docker inspect`.
[ "$code" = 200 ] || { tail -n 1 <&3; exit 1; }
