#!/usr/bin/env bash
# Runs a mounted image as compose.yaml has it run: a network and a /proc of its own, a root that can't be
# written to, the image's user without any capability, and DATA as the volume.
#
# Usage: run_image.sh ROOT DATA ENV_FILE COMMAND…
set -euo pipefail
readonly root=$1 data=$2 env_file=$3
shift 3
mount --bind "$root" "$root"
mount --bind "$data" "$root/data"
mkdir -p "$root/proc"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
ip link set lo up
mapfile -t environment <"$env_file"
setpriv=$(command -v setpriv) chroot=$(command -v chroot)
exec env -i "${environment[@]}" "$setpriv" --bounding-set -all,+sys_chroot,+setuid,+setgid --no-new-privs \
  "$chroot" --userspec=65532:65532 "$root" "$@"
