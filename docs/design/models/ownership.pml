/*
 * Which node may run a VM: nodes with a durable local copy each, one store with the key vms/<uuid>/host, and a network that
 * loses, delays, doubles and reorders requests and loses answers. One VM; README.md says what stands for what.
 *
 * As in mac.pml a request that was sent once may be applied at any later moment, and daemons die at any step. A node may
 * read as far back as it likes: the store's member, the watch or the local copy that it reads may be behind.
 */

#ifndef NODES
#define NODES 3
#endif
/* Generations, from 1. Each start and each move takes one, so this bounds how much happens, and nothing else does. */
#ifndef GENERATIONS
#define GENERATIONS 5
#endif

/* ---- The store: vms/<uuid>/host, with what it was before ---- */

byte generation = 1;
byte owner[GENERATIONS + 1];

/* ---- The network: of each generation a bit for each node that somebody asked to be written as the next owner ---- */

byte sent[GENERATIONS + 1];

/* ---- The nodes ---- */

/* Durable: the generation last read, and whether a request to give the VM away under it was made. */
byte known[NODES];
bit giving[NODES];

/* The VM's process. It outlives the daemon; one that is between fork and exec does so as well, and has the lock. */
#define NONE 0
#define STARTING 1
#define RUNNING 2
byte process[NODES];

#ifdef TAKEOVER
/* The machine is off, and an operator has seen to that. */
bit off[NODES];
/* The node has written itself as owner since its machine was started. */
bit fresh[NODES];
#endif

/* Where REACH is to get: an assertion that must fail. */
#ifdef REACH
#define GOAL(number, reached) assert(REACH != number || !(reached))
#else
#define GOAL(number, reached) skip
#endif

#ifdef PROGRESS
bit calm;
#define WHILE_FAULTS_LAST !calm
active proctype Weather() {
#ifdef FAULTS_WITHOUT_END
    skip
#else
    calm = 1
#endif
}
#else
#define WHILE_FAULTS_LAST true
#endif

/* ---- What the store compares ---- */

#if defined(NO_COMPARE)
#define MAY_SWAP(g) true
#elif defined(NO_GENERATION)
#define MAY_SWAP(g) (owner[generation] == owner[g])
#else
#define MAY_SWAP(g) (generation == (g))
#endif

inline swap(new_owner) {
    generation++;
    owner[generation] = new_owner
}

/* ---- All but the daemons: stateless, so one process does for all ---- */

#define LATE_SWAP(g, to) \
    :: d_step { \
        (sent[g] & (1 << (to))) && generation < GENERATIONS && MAY_SWAP(g) -> GOAL(1, true); swap(to) \
    }
#if NODES > 2
#define LATE_SWAPS(g) LATE_SWAP(g, 0) LATE_SWAP(g, 1) LATE_SWAP(g, 2)
#else
#define LATE_SWAPS(g) LATE_SWAP(g, 0) LATE_SWAP(g, 1)
#endif

#define OTHERS_RUN(n) (process[((n) + 1) % NODES] == RUNNING || process[((n) + NODES - 1) % NODES] == RUNNING)

/* A process runs, can't be started, or ends: with a daemon that sees it or without. */
#define PROCESS(n) \
    :: d_step { \
        process[n] == STARTING -> \
        /* No VM twice. */ \
        assert(!OTHERS_RUN(n)); \
        process[n] = RUNNING; \
        GOAL(2, n == 0 && generation > 2 && owner[2] != 0) \
    } \
    :: d_step { process[n] == STARTING && WHILE_FAULTS_LAST -> process[n] = NONE } \
    :: d_step { process[n] == RUNNING -> process[n] = NONE }

active proctype World() {
end:
    do
    LATE_SWAPS(1)
    LATE_SWAPS(2)
#if GENERATIONS > 3
    LATE_SWAPS(3)
#endif
#if GENERATIONS > 4
    LATE_SWAPS(4)
#endif
#if GENERATIONS > 5
    LATE_SWAPS(5)
#endif
    PROCESS(0)
    PROCESS(1)
#if NODES > 2
    PROCESS(2)
#endif
    od
}

/* ---- A daemon ---- */

#define SILENCE 0
#define DONE 1
#define FAILED 2

#define IS_OURS (owner[known[n]] == n)

/* A read never goes back behind what this node has read. */
#ifdef NO_GENERATION
#define IS_NEWS(g) (known[n] != (g))
#else
#define IS_NEWS(g) (known[n] < (g))
#endif
#define READ(g) :: d_step { IS_NEWS(g) && (g) <= generation -> learn(g) }

inline learn(g) {
    known[n] = g;
    giving[n] = 0
}

inline request(new_owner) {
    compared = known[n];
    to = new_owner;
    sent[compared] = sent[compared] | (1 << (to))
}

/* Without NO_NOTE, a node that may have given the VM away knows that also where it can't ask. */
#ifdef NO_NOTE
#define MAY_HAVE_GIVEN false
#else
#define MAY_HAVE_GIVEN giving[n]
#endif
/* After a start of the machine, others may have taken it over: see TAKEOVER in README.md. */
#if defined(TAKEOVER) && !defined(OFFLINE_AFTER_BOOT)
#define OTHERS_MAY_HAVE_TAKEN (!fresh[n])
#else
#define OTHERS_MAY_HAVE_TAKEN false
#endif

/* Moves: the owner writes another one, after its process has ended. */
#define GIVE(m) \
    :: d_step { \
        n != (m) && IS_OURS && process[n] == NONE && known[n] < GENERATIONS -> giving[n] = 1; request(m) \
    }; goto wait

#ifdef TAKEOVER
#define TAKE_FROM(m) \
    :: d_step { \
        n != (m) && owner[known[n]] == (m) && off[m] && process[n] == NONE && known[n] < GENERATIONS -> request(n) \
    }; goto wait
#define POWER_CUT :: d_step { process[n] = NONE; off[n] = 1; fresh[n] = 0; forget() }; goto dark
#else
#define POWER_CUT
#endif

/* The daemon dies, or gives up waiting, which is no more than to begin anew. */
#define CRASH :: d_step { WHILE_FAULTS_LAST -> forget() }; goto boot

inline forget() {
    compared = 0;
    to = 0;
    answer = SILENCE
}

proctype Daemon(byte n) {
    byte compared, to, answer;

boot:
    /* The look by locks: who is between fork and exec is waited for. */
    if
    :: d_step {
        process[n] == RUNNING ->
        GOAL(3, true);
#ifdef ONLY_TWICE
        skip
#else
        /* Checked on adoption. Nothing else can be found, unless somebody took over what was not off. */
        assert(IS_OURS && !giving[n])
#endif
    }
    :: process[n] == NONE
    POWER_CUT
    fi;

up:
end:
    if
    READ(2)
    READ(3)
#if GENERATIONS > 3
    READ(4)
#endif
#if GENERATIONS > 4
    READ(5)
#endif
#if GENERATIONS > 5
    READ(6)
#endif
#ifdef NO_INTENT
    /* Looks into the store and starts, with nothing written. */
    :: d_step { process[n] == NONE && known[n] == generation && IS_OURS -> process[n] = STARTING }
#else
    /* A start: written to the store under the next generation, and only then done. */
    :: d_step {
        process[n] == NONE && IS_OURS && known[n] < GENERATIONS -> request(n)
#ifdef EXEC_FIRST
        ; process[n] = STARTING
#endif
    }; goto wait
#endif
    /* A start that is ordered with --offline, on the last generation that this node has read. */
    :: d_step {
        process[n] == NONE && IS_OURS && !MAY_HAVE_GIVEN && !OTHERS_MAY_HAVE_TAKEN ->
        GOAL(4, known[n] < generation);
        process[n] = STARTING
    }
    GIVE(0)
    GIVE(1)
#if NODES > 2
    GIVE(2)
#endif
#ifdef TAKEOVER
    TAKE_FROM(0)
    TAKE_FROM(1)
#if NODES > 2
    TAKE_FROM(2)
#endif
#endif
    CRASH
    POWER_CUT
    fi;
    goto up;

wait:
    if
    :: d_step {
        generation < GENERATIONS && MAY_SWAP(compared) ->
        swap(to);
        compared = generation;
        answer = DONE
    }
    /* Refused, and answered with what is there. */
    :: d_step { !MAY_SWAP(compared) -> compared = generation; answer = FAILED }
    :: d_step { generation == GENERATIONS -> forget() }; goto up
    CRASH
    POWER_CUT
    fi;
    if
    :: d_step {
        answer == FAILED ->
        if
        :: IS_NEWS(compared) -> learn(compared)
        :: else
        fi;
        forget()
    }; goto up
    :: d_step { answer == DONE -> answer = SILENCE; learn(compared) }
    CRASH
    POWER_CUT
    fi;
    /* The answer is in the local copy, and the process not there yet. */
    if
    :: d_step { to != n -> forget() }
    :: d_step {
        to == n && process[n] == NONE ->
        GOAL(5, compared > 1 && owner[compared - 1] != n);
        process[n] = STARTING;
#ifdef TAKEOVER
        fresh[n] = 1;
#endif
        forget()
    }
    CRASH
    POWER_CUT
    fi;
    goto up;

#ifdef TAKEOVER
dark:
    /* The machine is switched on again. */
end_dark:
    off[n] = 0;
    goto boot
#endif
}

init {
    byte i;
    d_step {
        for (i : 0 .. NODES - 1) { known[i] = 1 }
        i = 0
    }
    atomic {
        run Daemon(0);
        run Daemon(1);
#if NODES > 2
        run Daemon(2)
#endif
    }
}

#ifdef PROGRESS
/* When faults have ended, the VM that is wanted runs, again and again if it ends; unless there are no more generations. */
ltl runs { [] <> (process[0] == RUNNING || process[1] == RUNNING || process[NODES - 1] == RUNNING
    || generation == GENERATIONS) }
#endif
