# Commands inside a guest over `uncloud-node vm console` alone; the lines are those of demo/guest/README.md.
# Source it; it wants `binary` and `dir` set, and `waiting`, which runs a command so that a signal gets through.
# shellcheck shell=bash disable=SC2154

# guest VM SECONDS COMMAND: runs COMMAND in the guest, prints its output and returns its exit code; 124 when no answer
# came in time. The command must be one line.
#
# In a process of its own: bash 5.2 crashes more often than not when a signal's trap exits out of `read -t`.
guest() { waiting converse "$@"; }

converse() {
    local vm=$1 limit=$2 command=$3
    local tag=$RANDOM$RANDOM$RANDOM line="" begun=0 code=124 lines=() end=$((SECONDS + limit))
    local from to pipe=$dir/console-$tag
    mkfifo "$pipe.in" "$pipe.out"
    "$binary" --directory "$dir" vm console "$vm" <"$pipe.in" >"$pipe.out" 2>>"$dir/console.log" &
    local pid=$!
    exec {to}>"$pipe.in" {from}<"$pipe.out"
    rm -f "$pipe.in" "$pipe.out"
    # In a subshell, so that a console that is gone already does not end this one by SIGPIPE.
    (printf '@@run %s %s\n' "$tag" "$command" >&"$to") 2>/dev/null || true
    while [ $SECONDS -le $end ] && IFS= read -r -t $((end - SECONDS + 1)) line <&"$from"; do
        line=${line%$'\r'}
        if [ "$line" = "@@begin $tag" ]; then
            begun=1
        elif [[ $begun = 1 && $line = "@@end $tag "* ]]; then
            code=${line##* }
            break
        elif [[ $begun = 1 && $line != @@net\ * && $line != @@ready\ * ]]; then
            lines+=("$line")
        fi
    done 2>/dev/null
    exec {from}<&- {to}>&-
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    # The frame's own newline stands before @@end: it made one empty last line, or ended a last line without one.
    local count=${#lines[@]}
    if [ "$count" -gt 0 ] && [ -z "${lines[count - 1]}" ]; then unset "lines[count - 1]"; fi
    [ ${#lines[@]} = 0 ] || printf '%s\n' "${lines[@]}"
    return "$code"
}

# await_guest VM SECONDS: returns when the guest answers on its console.
await_guest() {
    local end=$((SECONDS + $2))
    until guest "$1" 1 true >/dev/null; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}
