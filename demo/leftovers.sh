# What the demo finds of itself outside its directory. Source it; it wants `id`, `dir` set. The daemon is started with
# UNCLOUD_DEMO=$id in its environment, which all that it starts inherits.
# shellcheck shell=bash disable=SC2154

declare -A namespaces=()
links_before="" mounts_before="" rules_before="" began=""

list_links() { ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort; }
list_mounts() { awk '{ print $4, $5 }' /proc/self/mountinfo | sort; }
list_rules() { if [ "$(id -u)" = 0 ]; then nft list ruleset; fi; }

# The machine before the demo.
remember_before() {
    began=@$(date +%s.%N)
    links_before=$(list_links)
    mounts_before=$(list_mounts)
    rules_before=$(list_rules)
}

# The processes that the daemon or something of it started, by the mark in their environment or the directory in their
# arguments. (The brackets keep grep from finding itself.)
marked_processes() {
    {
        grep -lsaz -- "^UNCLOUD_DEMO=$id\$" /proc/[0-9]*/environ || true
        grep -lsa -- "[/]${dir#/}" /proc/[0-9]*/cmdline || true
    } | cut -d / -f 3 | sort -un
}

# Notes the namespaces in which the demo's processes live, to look for them afterwards.
note_namespaces() {
    local pid kind name
    for pid in $(marked_processes); do
        for kind in net mnt user; do
            name=$(readlink "/proc/$pid/ns/$kind" 2>/dev/null) || continue
            [ "$name" = "$(readlink "/proc/$$/ns/$kind")" ] || namespaces[$name]=1
        done
    done
}

# Whether a process of another demo is in the namespace: the kernel gives the number of one that is gone again.
is_another_demos() {
    local file pid kind
    for file in $(grep -lsaz -- '^UNCLOUD_DEMO=' /proc/[0-9]*/environ || true); do
        pid=$(cut -d / -f 3 <<<"$file")
        ! grep -qsaz -- "^UNCLOUD_DEMO=$id\$" "$file" || continue
        for kind in net mnt user; do
            [ "$(readlink "/proc/$pid/ns/$kind" 2>/dev/null)" != "$1" ] || return 0
        done
    done
    return 1
}

# added BEFORE AFTER WORD: a line "WORD: X" for each line X that AFTER has and BEFORE lacks.
added() { comm -13 <(printf '%s\n' "$1") <(printf '%s\n' "$2") | sed "s/^/$3: /"; }

# The command line of a process as one line, whatever is in it.
command_line() { { tr '\0\n' '  ' <"/proc/$1/cmdline"; } 2>/dev/null || true; }

# The namespaces that processes are in. Zombies are in none, but still show their user namespace until somebody collects
# them, which is not the demo's to do.
inhabited() {
    local status lines kind name
    for status in /proc/[0-9]*/status; do
        { mapfile -t lines <"$status"; } 2>/dev/null || continue
        [[ " ${lines[*]} " != *"State:"*"Z (zombie)"* ]] || continue
        for kind in net mnt user; do
            name=$(readlink "${status%status}ns/$kind" 2>/dev/null) || continue
            printf '%s process %s (%s)\n' "$name" "${status//[!0-9]/}" "$(command_line "${status//[!0-9]/}")"
        done
    done
}

# What is left, a line a thing; nothing when all is gone.
leftovers() {
    local pid name
    for pid in $(marked_processes); do
        printf 'process: %s %s\n' "$pid" "$(command_line "$pid")"
    done
    # By number: a namespace is gone when no process is in it and no mount holds it.
    while read -r name pid; do
        if [ -n "${namespaces[$name]:-}" ] && ! is_another_demos "$name"; then
            printf 'namespace: %s, held by %s\n' "$name" "$pid"
        fi
    done < <({
        inhabited
        awk '{ print $4, "a mount" }' /proc/self/mountinfo
    } | sort -u -k 1,1)
    [ ! -e "/run/netns/$id" ] || printf 'namespace: /run/netns/%s\n' "$id"
    added "$links_before" "$(list_links)" interface
    # Another node on this machine may come and go meanwhile: its names, and the directory while it has one, are its own.
    added "$mounts_before" "$(list_mounts)" mount |
        awk -v id="$id" -v others="$(find /run/netns -mindepth 1 2>/dev/null | wc -l)" \
            'index($0, id) || !(/uncloud|\/netns\// || (others && /\/netns$/)) { print }'
    [ "$(list_rules)" = "$rules_before" ] || printf 'rule: nft list ruleset changed\n'
    # Folders that an ordinary user may not read are not of its making.
    { find /run /var/lib /var/tmp /tmp /etc /dev/shm -xdev -maxdepth 3 -newermt "$began" -user "$(id -un)" \
        ! -path "$dir*" \( -name "*$id" -o -name "*${id}[!0-9]*" -o -name 'uncloud-node' -o -name 'dnsmasq*.leases' \) 2>/dev/null || true; } |
        sed 's/^/file: /'
}

# The last resort when `down --force` failed or never ran: ends what is left by force.
kill_marked() {
    local pid
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        pid=$(marked_processes)
        [ -n "$pid" ] || break
        # shellcheck disable=SC2086
        kill -KILL $pid 2>/dev/null
        sleep 0.1
    done
    if [ "$(id -u)" = 0 ] && [ -e "/run/netns/$id" ]; then ip netns delete "$id"; fi
}
