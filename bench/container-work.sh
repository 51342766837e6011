# What benchmarks that run containers have in common; they source it. Makes $work with rootfs/, the root file system of the one image there is (OneImage.java): busybox.
# At the exit it goes, and so do control groups that a benchmark has left.
work=$(mktemp -d -p "${BENCH_DIRECTORY:-/tmp}")
cleanup() {
    rm -rf "$work"
    find /sys/fs/cgroup -depth -path '*/starling-bench*' -type d -exec rmdir {} + 2>/dev/null || true
}
trap cleanup EXIT
mkdir -p "$work/rootfs/"{bin,dev,etc,proc,sys,tmp}
cp /bin/busybox "$work/rootfs/bin/"

# compile_image JAR DIRECTORY: the source launcher compiles one file alone, so the image comes as a class.
compile_image() { javac -proc:none -d "$2" -cp "$1" "$ROOT_DIR/bench/OneImage.java"; }
