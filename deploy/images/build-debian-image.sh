#!/bin/bash
# Makes a container image of a Debian package and the libraries that it needs, and pushes it to a registry that speaks plain HTTP. For tests
# and for sites that have a mirror of Debian but no way to an image registry. Nothing is installed; needs apt-get, dpkg-deb, curl.
#
#   deploy/images/build-debian-image.sh busybox-static 192.0.2.9:5000/busybox:latest /bin/busybox sh
#   deploy/images/build-debian-image.sh redis-server,redis-tools 192.0.2.9:5000/redis:7 /usr/bin/redis-server --protected-mode no
#
# The first argument is a package, or several with commas; the second what the image is to be called; the rest is its command. Two layers:
# the libraries, and the packages that were named, so that images of one release share the first. The names of busybox's applets are links.
# COMPRESS=zstd makes layers with zstd. NOISE_MEGABYTES=N adds a file of so many random megabytes, for tests that need a new and large layer.
set -euo pipefail

(($# >= 3)) || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2; }
IFS=, read -ra packages <<<"$1"
reference=$2
shift 2
[[ $reference =~ ^([^/]+)/([^:]+):([^:/]+)$ ]] || { echo "'$reference' is not HOST:PORT/NAME:TAG" >&2; exit 2; }
host=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]} tag=${BASH_REMATCH[3]}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# libraries_of PACKAGE...: the lib* packages below them, through lib* packages only: no init system, no debconf, no perl.
libraries_of() {
    local seen=" $* " level=("$@") next dependency
    while ((${#level[@]})); do # a call for each level: apt-cache reads its whole index at each start
        next=()
        while read -r dependency; do
            [[ $dependency =~ ^(lib|zlib1g|ncurses-base) && $seen != *" $dependency "* ]] || continue
            seen+="$dependency "
            next+=("$dependency")
            echo "$dependency"
        done < <(apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "${level[@]}" 2>/dev/null |
            sed -n 's/^ *|\{0,1\}\(Pre\)\{0,1\}Depends: \([a-z0-9][^ :]*\).*/\2/p')
        level=(${next[@]+"${next[@]}"})
    done
}

# layer DIRECTORY PACKAGE...: their files below DIRECTORY, without documentation.
layer() {
    local directory=$1 deb
    shift
    mkdir -p "$directory" "$work/debs"
    (($#)) || return 0
    (cd "$work/debs" && rm -f ./*.deb && apt-get -q download "$@" >"$work/apt.log" 2>&1) || { tail -n 2 "$work/apt.log" >&2; exit 1; }
    for deb in "$work"/debs/*.deb; do
        dpkg-deb -x "$deb" "$directory"
    done
    rm -rf "$directory"/usr/share/{doc,man,locale,lintian,bug}
}

# Debian's /bin, /lib, /sbin are links into /usr; overlayfs would let a directory hide what another layer has behind the link.
merge_usr() {
    local root=$1 name
    for name in bin sbin lib lib64; do
        if [[ -d $root/$name && ! -L $root/$name ]]; then
            mkdir -p "$root/usr/$name"
            cp -a "$root/$name/." "$root/usr/$name/"
            rm -rf "${root:?}/$name"
        fi
        [[ -e $root/$name || -L $root/$name ]] || ln -s "usr/$name" "$root/$name"
    done
}

digest() { sha256sum "$1" | cut -d ' ' -f 1; }

# push FILE: as a blob, where the registry has not got it.
push() {
    local hex url
    hex=$(digest "$1")
    ! curl -sfI "http://$host/v2/$name/blobs/sha256:$hex" >/dev/null || return 0
    url=$(curl -sf -X POST -D - -o /dev/null "http://$host/v2/$name/blobs/uploads/" | tr -d '\r' | sed -n 's/^Location: //Ip')
    [[ $url == http* ]] || url=http://$host$url
    [[ $url == *\?* ]] && url+="&digest=sha256:$hex" || url+="?digest=sha256:$hex"
    curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$1" "$url"
}

mapfile -t libraries < <(libraries_of "${packages[@]}")
layer "$work/lower" "${libraries[@]}"
layer "$work/upper" "${packages[@]}"
merge_usr "$work/lower"
merge_usr "$work/upper"
mkdir -p "$work"/upper/{etc,root,var/log,var/lib,run} "$work/upper/tmp"
chmod 1777 "$work/upper/tmp"
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n' >"$work/upper/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$work/upper/etc/group"
if [[ -x $work/upper/usr/bin/busybox ]]; then
    "$work/upper/usr/bin/busybox" --list | while read -r applet; do
        [[ -e $work/upper/usr/bin/$applet ]] || ln -s busybox "$work/upper/usr/bin/$applet"
    done
fi

[[ -z ${NOISE_MEGABYTES:-} ]] || head -c "${NOISE_MEGABYTES}M" /dev/urandom >"$work/upper/noise"

suffix=gzip
[[ ${COMPRESS:-} == zstd ]] && suffix=zstd
diff_ids='' layers=''
for part in lower upper; do
    [[ -n $(find "$work/$part" -mindepth 1 -type f -print -quit) ]] || continue
    tar -C "$work/$part" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/$part.tar" .
    if [[ $suffix == zstd ]]; then zstd -q "$work/$part.tar" -o "$work/$part.layer"; else gzip -nc "$work/$part.tar" >"$work/$part.layer"; fi
    push "$work/$part.layer"
    diff_ids+="${diff_ids:+,}\"sha256:$(digest "$work/$part.tar")\""
    layers+="${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+$suffix\",\"digest\":\"sha256:$(digest "$work/$part.layer")\",\"size\":$(stat -c %s "$work/$part.layer")}"
done
command=$(printf ',"%s"' "$@")
printf '{"os":"linux","architecture":"%s","created":"1970-01-01T00:00:00Z","config":{"Cmd":[%s],"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
    "$(dpkg --print-architecture | sed 's/^armhf$/arm/;s/^i386$/386/')" "${command:1}" "$diff_ids" >"$work/config.json"
push "$work/config.json"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[%s]}' \
    "$(digest "$work/config.json")" "$(stat -c %s "$work/config.json")" "$layers" >"$work/manifest.json"
curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "@$work/manifest.json" "http://$host/v2/$name/manifests/$tag"
echo "pushed $reference: sha256:$(digest "$work/manifest.json")"
