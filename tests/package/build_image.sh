#!/usr/bin/env bash
# Builds the Dockerfile where no registry of images can be reached: what it begins with is made of this
# machine's own files. Prints the folder where the image is mounted, and leaves its configuration beside.
#
# Usage: build_image.sh CONTEXT BUN DIR
set -euo pipefail
readonly context=$1 bun=$2 dir=$3

buildah() {
  command buildah --root "$dir/storage" --runroot "$dir/run" --storage-driver vfs "$@"
}

base=$(buildah from scratch)
root=$(buildah mount "$base")
mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,usr/local/bin}
cp -L "$bun" "$root/usr/local/bin/bun"
for program in bash cat grep install ldd sh sort sync; do
  cp -L "$(command -v "$program")" "$root/bin/"
done
for program in "$root"/bin/* "$root/usr/local/bin/bun"; do
  { ldd "$program" 2>/dev/null || true; } | { grep -o '/lib[^ )]*\.so[^ )]*' || true; }
done | sort -u | while read -r library; do
  install -D "$library" "$root$library"
done
name=$(sed -n 's/^FROM \(\S*\) AS build$/\1/p' "$context/Dockerfile")
buildah umount "$base" >&2
buildah commit -q "$base" "$name" >&2
buildah rm "$base" >&2

buildah bud --isolation chroot --format docker --pull-never --ignorefile /dev/null \
  -t durable-streams "$context" >&2
buildah inspect --type image durable-streams >"$dir/image.json"
buildah mount "$(buildah from --pull-never durable-streams)"
