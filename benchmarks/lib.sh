# Shared by benchmarks/run and benchmarks/count: source it after scripts/lib.sh, don't run it.
# shellcheck shell=bash disable=SC2154

# shellcheck disable=SC2034 # used by those that source this
tools=$root/benchmarks/.build/release

# The programs of benchmarks/Package.swift, in `tools`: the peer, the load, the counter of allocations.
build_tools() { scripts/build --package-path benchmarks; }

# isolated COMMAND...: becomes the command in namespaces of its own, so that nothing of the machine's network is
# touched, and nothing is left when it ends.
isolated() {
    local isolate=(unshare --net --mount --pid --fork --kill-child --mount-proc)
    [ "$(id -u)" = 0 ] || isolate=(unshare --user --map-root-user --net --mount --pid --fork --kill-child --mount-proc)
    exec "${isolate[@]}" "$@"
}
