#!/bin/bash
# Make sure that a Docker engine answers and that the official base images exist or can be pulled; otherwise print one
# line. If the folder STANDINS has a ready.sh, it builds stand-in images on a machine that reaches no image registry.
# usage: ensure_engine.sh [IMAGE...]    (additional images)
set -euo pipefail
cd "$(dirname "$0")/.."
standins=${STANDINS:-../shared/standins}

fail() {
  echo "ensure_engine: $1" >&2
  exit 1
}

besides=("$@")

images() { # what the Dockerfile builds on; a name without a version is one of its own stages
  awk '$1 == "FROM" && $2 ~ /:/ {print $2}' docker/Dockerfile | sort -u
  ((${#besides[@]} == 0)) || printf '%s\n' "${besides[@]}"
}

missing() {
  local image
  for image in $(images); do
    docker image inspect "$image" >/dev/null 2>&1 || echo "$image"
  done
}

answers() { docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; }

if answers && [[ -z $(missing) ]]; then exit 0; fi
if [[ -x $standins/ready.sh ]]; then
  "$standins/ready.sh" debian sid python postgres mysql clickhouse kafka grafana ${besides:+airflow} || fail "$standins/ready.sh failed"
  [[ -z $(missing) ]] || fail "$standins/ready.sh made no $(missing | head -n 1)"
  exit 0
fi
answers || fail "no Docker engine with compose answers: install and start Docker"
for image in $(missing); do
  docker pull --quiet "$image" >/dev/null || fail "cannot pull $image: no image registry is reachable"
done
