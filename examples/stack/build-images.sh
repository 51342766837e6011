#!/bin/bash
# Makes the three images of the sample out of Debian's packages and pushes them to a registry that speaks plain HTTP.
#
#   examples/stack/build-images.sh 192.0.2.9:5000
set -euo pipefail
(($# == 1)) || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2; }
build=$(dirname "$(readlink -f "$0")")/../../deploy/images/build-debian-image.sh

"$build" python3.11,python3.11-minimal,python3-pymysql "$1/stack-web:1" /usr/bin/python3.11 /app.py
"$build" mariadb-server-core,mariadb-client-core,busybox-static "$1/stack-db:1" /bin/sh /start.sh
"$build" redis-server,redis-tools "$1/stack-cache:1" /usr/bin/redis-server
