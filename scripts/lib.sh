# Shared by the scripts: source it, don't run it. Sets `root`, the top of the source tree.
# shellcheck shell=bash

# shellcheck disable=SC2034 # used by those that source this
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

# say TEXT: progress, to standard error so that results stay alone on standard output.
say() { printf '%s\n' "$*" >&2; }

# die TEXT: one line that says what is wrong and the way out, then failure.
die() {
    say "$(basename -- "$0"): $*"
    exit 1
}

# phase NAME COMMAND...: runs one phase, prints its name and its seconds, keeps its exit code.
# Every phase that ended is appended to `phases` as "seconds name".
phases=()
phase() {
    local name=$1 from=$SECONDS code=0
    shift
    say "== $name"
    "$@" || code=$?
    phases+=("$((SECONDS - from)) $name")
    if [ "$code" = 0 ]; then
        say "== $name: ok, $((SECONDS - from)) s"
    else
        say "== $name: FAILED ($code), $((SECONDS - from)) s"
    fi
    return "$code"
}

# digest FILE...: one hexadecimal name for the contents of the files, in the order given.
digest() { sha256sum -- "$@" | sed 's/ .*//' | sha256sum | cut -c 1-16; }

# apt_private DIR: package lists of our own below DIR, for where the system's are missing or too old to download
# from. Works for an ordinary user. Sets the array `apt_options`, which fetch_deb and deb_depends heed.
apt_options=(-o APT::Sandbox::User=)
apt_private() {
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
    apt_options=(-o APT::Sandbox::User= -o "Dir::State::Lists=$1/lists" -o "Dir::Cache=$1/cache" -o Debug::NoLocking=true)
    say "fetching the distribution's package lists"
    apt-get -qq "${apt_options[@]}" update >&2 || die "can't fetch package lists; check the machine's package sources"
}

# deb_depends PACKAGE PATTERN: the first package that PACKAGE depends on and whose name matches; nothing if unknown.
deb_depends() { apt-cache "${apt_options[@]}" depends "$1" 2>/dev/null | sed -n "s/^ *Depends: \($2\)\$/\1/p" | head -n 1; }

# fetch_deb PACKAGE DIR: the distribution's package file in DIR, downloaded unless one is there; its path in `deb`.
# The package is not installed: the caller unpacks it with `dpkg-deb -x`. Works for an ordinary user.
fetch_deb() {
    mkdir -p "$2"
    deb=$(find "$2" -maxdepth 1 -name "$1_*.deb" | sort | tail -n 1)
    [ -z "$deb" ] || return 0
    say "downloading the package $1"
    if ! (cd "$2" && apt-get -qq "${apt_options[@]}" download "$1" >/dev/null 2>&1); then
        apt_private "$2/apt"
        (cd "$2" && apt-get -qq "${apt_options[@]}" download "$1" >&2) ||
            die "can't download the package $1; check the machine's package sources"
    fi
    deb=$(find "$2" -maxdepth 1 -name "$1_*.deb" | sort | tail -n 1)
    [ -n "$deb" ] || die "apt-get said nothing but downloaded no package $1"
}

# --- swift test, for scripts/test and scripts/test-full: they set `logs` and UNCLOUD_SKIPPED ----------------------------

# swift_test NAME SECONDS ARGUMENTS...: runs the tests, with all that they print in $logs/NAME.log; shows what went wrong
# and the closing line, which `counts` gets in short. What was skipped goes to UNCLOUD_SKIPPED. No test at all is a failure.
swift_test() {
    # shellcheck disable=SC2154 # set by those that source this
    local name=$1 limit=$2 log=$logs/$1.log code=0
    shift 2
    timeout -k 10 "$limit" swift test "$@" >"$log" 2>&1 </dev/null || code=$?
    grep -aE "$failure_words" "$log" | head -n 60 >&2 || true
    grep -aE 'Test run with' "$log" | tail -n 1 || say "no closing line of swift test: it ended early; see $log"
    # shellcheck disable=SC2034 # for test-full
    counts=$(grep -aE 'Test run with' "$log" | tail -n 1 | sed -E 's/^.*Test run with //; s/ after.*//')
    [ "$code" = 124 ] && say "the tests took more than $limit s: unfinished: $(unfinished "$log")"
    note_skips "$log"
    if [ "$code" = 0 ] && ! grep -qaE 'Test run with [1-9][0-9]* tests? .*passed' "$log"; then
        say "swift test ran no test"
        code=1
    fi
    return "$code"
}
# module_tests NAME SECONDS ARGUMENTS...: a process for each module's tests: they share nothing, and one that crashes does
# not take the others along. The tests are built already. UNCLOUD_MODULES picks, else all; sets `counts` to the sum.
module_tests() {
    # shellcheck disable=SC2154 # set by those that source this
    local name=$1 limit=$2 module code=0 tests=0 suites=0 modules=()
    shift 2
    read -r -a modules <<<"${UNCLOUD_MODULES:-}"
    if [ ${#modules[@]} = 0 ]; then
        swift test list --skip-build "$@" >"$logs/list" 2>"$logs/list.log" </dev/null || {
            tail -n 5 "$logs/list.log" >&2
            return 1
        }
        mapfile -t modules < <(sed -nE 's/^([A-Za-z_]+)\..*/\1/p' "$logs/list" | sort -u)
    fi
    for module in "${modules[@]}"; do
        say "$module"
        swift_test "$name-$module" "$limit" --skip-build "$@" --filter "^$module\\." || code=1
        tests=$((tests + $(sed -nE 's/^([0-9]+) tests? .*/\1/p' <<<"$counts")))
        suites=$((suites + $(sed -nE 's/.* in ([0-9]+) suites?.*/\1/p' <<<"$counts")))
    done
    # shellcheck disable=SC2034 # for test-full
    counts="$tests tests in $suites suites"
    return "$code"
}

failure_words='✘|recorded an issue|error:|Fatal error|WARNING: ThreadSanitizer|ERROR: AddressSanitizer|SUMMARY: '

# note_skips LOG: skips as "what: where": those that Requirement tells (TestSupport) and those of Swift Testing's own traits.
note_skips() {
    {
        sed -nE 's/^SKIPPED: (.*): ([^ ]*) is missing here.*/\2: \1/p' "$1"
        sed -nE 's/^.*(Test|Suite) "?(.*[^"])"? skipped(: "?(.*[^"])"?)?\.?$/\2: \4/p' "$1"
    } >>"$UNCLOUD_SKIPPED"
}

unfinished() {
    comm -23 <(sed -nE 's/^.*Test "(.*)" started\.$/\1/p' "$1" | sort -u) \
        <(sed -nE 's/^.*Test "(.*)" (passed|failed|skipped).*$/\1/p' "$1" | sort -u) | head -n 10 | tr '\n' ';'
}
