/*
 * How a VM gets its MAC address and how the address comes free again: nodes, one store, and a network between them that
 * loses, delays, doubles and reorders requests and loses answers. README.md says what stands for what, and the switches.
 *
 * A request that was sent once may be applied at any later moment and any number of times, whether its sender waits, has
 * given up or has died: these are the copies that retries have left on their way. A lost one is never applied. So the
 * number of lost, late and doubled requests has no bound here, and daemons crash as often as they like.
 */

#ifndef NODES
#define NODES 2
#endif
/* What clients ask for: a VM each. The last one stays, the others may be deleted. */
#ifndef JOBS
#define JOBS 3
#endif
/* Allocations, from 1, each with a token, the uuid of the VM to be; a request repeated after a crash makes a new one. */
#ifndef TOKENS
#define TOKENS 4
#endif
/* Addresses: two, so that they are fought for and there is another one to go to. */
#define MACS 2

#define NOBODY 0

/* ---- The store ---- */

/* macs/<mac>: the token of who has it, or had it last; NOBODY where the key is absent. */
byte holder[MACS];
/* Whether the record says that it was freed, and whether it has rested by now. */
bit freed[MACS];
bit rested[MACS];

/* vms/<uuid>, tombstones/vm/<uuid>, and the address in that record. */
#define ABSENT 0
#define LIVE 1
#define BURIED 2
byte vm[TOKENS + 1];
byte nic[TOKENS + 1];

/* idempotency/<owner>/<key>: the VM that the request made. */
byte remembered[JOBS];

/* ---- The network: each request that was ever sent ---- */

/* Of a token's creates, a bit for each address and what the sender had read at it: nobody, or whose freed record. */
short createSent[TOKENS + 1];
byte burySent;
byte freeSent;
#define CREATE_BIT(m, seen) (1 << ((m) * (TOKENS + 1) + (seen)))
#define ANY_CREATE(m) (((1 << (TOKENS + 1)) - 1) << ((m) * (TOKENS + 1)))
#define IN(set, t) ((set) & (1 << (t)))
#define PUT(set, t) set = set | (1 << (t))

/* ---- The clients ---- */

#define OPEN 0
#define ACKNOWLEDGED 1
#define DELETING 2
#define DELETED 3
byte job[JOBS];
/* The VM that the client was told of. */
byte told[JOBS];
/* The job of each token, from 1, and how many tokens there are. */
byte work[TOKENS + 1];
byte tokens;

/* For assertions alone: tokens of which a client was told that nothing was made, and those that were a VM once. */
byte refused;
byte lived;

/* Where REACH is to get: an assertion that must fail. */
#ifdef REACH
#define GOAL(number) assert(REACH != number)
#else
#define GOAL(number) skip
#endif

/* ---- What the store compares ---- */

/*
 * Writer.creation: vms/<uuid> and the Idempotency-Key absent, and macs/<mac> as checkMACs has found it, absent or the freed
 * record of that token. The code compares the record's revision, which is stricter.
 */
#ifdef NO_COMPARE
#define MAC_AS_SEEN(m, seen) true
#define MAY_COME_LATE(t, m) (createSent[t] & ANY_CREATE(m))
#else
#define MAC_AS_SEEN(m, seen) (holder[m] == (seen) && (holder[m] == NOBODY || freed[m]))
#define MAY_COME_LATE(t, m) ((createSent[t] & CREATE_BIT(m, holder[m])) && (holder[m] == NOBODY || freed[m]))
#endif
#ifdef NO_KEY
#define NOT_REMEMBERED(t) true
#else
#define NOT_REMEMBERED(t) (remembered[work[t] - 1] == NOBODY)
#endif
#define MAY_CREATE(t) (vm[t] != LIVE && NOT_REMEMBERED(t))

/* The last step of a deletion compares that the tombstone stands. */
#ifdef NO_RELEASE_COMPARE
#define MAY_FREE(t) (vm[t] == BURIED || holder[nic[t]] != t || !freed[nic[t]])
#else
#define MAY_FREE(t) (vm[t] == BURIED)
#endif

/* ---- What must hold, after every change of the store and every word to a client ---- */

inline check() {
#ifndef ONLY_TWICE
    for (i : 1 .. TOKENS) {
        /* Who is a VM, or buried and not yet gone, has its address. */
        assert(vm[i] == ABSENT || (holder[nic[i]] == i && !freed[nic[i]]));
        /* Of whom it was said that there is nothing, there is nothing. */
        assert(!IN(refused, i) || vm[i] == ABSENT)
    }
    for (i : 1 .. JOBS) {
        /* What was acknowledged is there until its deletion is asked for, and then does not come back. */
        assert(job[i - 1] != ACKNOWLEDGED || vm[told[i - 1]] == LIVE);
        assert(job[i - 1] != DELETED || vm[told[i - 1]] != LIVE)
    }
#endif
    i = 0
}

inline create(t, m) {
    for (i : 1 .. TOKENS) {
        /* No address twice at any time: a VM that is being removed may still run. */
        assert(i == t || vm[i] == ABSENT || nic[i] != m);
#ifndef ONLY_TWICE
        /* A client's request makes one VM, however often it is repeated. */
        assert(i == t || work[i] != work[t] || !IN(lived, i))
#endif
    }
#ifndef ONLY_TWICE
    /* What was deleted is not made anew. */
    assert(!IN(lived, t));
#ifndef WRONG_CLOCK
    assert(holder[m] == NOBODY || rested[m]);
#endif
#endif
    if
    :: holder[m] != NOBODY -> GOAL(1)
    :: else
    fi;
    holder[m] = t;
    freed[m] = 0;
    rested[m] = 0;
    vm[t] = LIVE;
    nic[t] = m;
#ifndef NO_KEY
    remembered[work[t] - 1] = t;
#endif
    PUT(lived, t);
    check()
}

inline free(t) {
    vm[t] = ABSENT;
    freed[nic[t]] = 1;
    rested[nic[t]] = 0;
    holder[nic[t]] = t;
#ifdef RELEASE_DELETES
    holder[nic[t]] = NOBODY;
    freed[nic[t]] = 0;
#endif
    check()
}

inline acknowledge(t) {
    if
    :: job[j] == OPEN -> job[j] = ACKNOWLEDGED; told[j] = t; check()
    :: else
    fi
}

/* ---- All but the nodes' allocations: stateless, so one process does for all ---- */

/* A request is applied whose sender doesn't hear of it. Those that the store refuses change nothing and are left out. */
#define LATE_CREATE(t, m) :: d_step { MAY_COME_LATE(t, m) && MAY_CREATE(t) -> create(t, m) }

/*
 * A deletion: the client asks, a node sends the tombstone until it stands, and then the release until the tombstone is gone.
 * Whichever node it is, and two at a time if the VM has moved: what the node knows of it is all in the store.
 */
#define DELETION(t) \
    :: d_step { vm[t] == LIVE && IN(burySent, t) -> vm[t] = BURIED; check() } \
    :: d_step { vm[t] == BURIED && !IN(freeSent, t) -> PUT(freeSent, t) } \
    :: d_step { IN(freeSent, t) && MAY_FREE(t) -> free(t) }
#define CLIENT_DELETES(n) \
    :: d_step { job[n] == ACKNOWLEDGED -> job[n] = DELETING; PUT(burySent, told[n]) } \
    :: d_step { job[n] == DELETING && vm[told[n]] != LIVE -> job[n] = DELETED; check() }
#define RESTS(m) :: d_step { freed[m] && !rested[m] -> rested[m] = 1 }

active proctype World() {
    byte i;
end:
    do
    LATE_CREATE(1, 0) LATE_CREATE(1, 1) DELETION(1)
    LATE_CREATE(2, 0) LATE_CREATE(2, 1) DELETION(2)
#if TOKENS > 2
    LATE_CREATE(3, 0) LATE_CREATE(3, 1) DELETION(3)
#endif
#if TOKENS > 3
    LATE_CREATE(4, 0) LATE_CREATE(4, 1) DELETION(4)
#endif
    CLIENT_DELETES(0)
#if JOBS > 2
    CLIENT_DELETES(1)
#endif
    RESTS(0) RESTS(1)
    od
}

/* ---- A node's allocation ---- */

#define SILENCE 0
#define DONE 1
#define FAILED 2

/* checkMACs, by the node's own catalog and clock. It is as old as the request that it leads to is late. */
#if defined(NO_LEARNING)
#define SEEN(m) NOBODY
#define LOOKS_FREE(m) true
#elif defined(WRONG_CLOCK)
#define SEEN(m) holder[m]
#define LOOKS_FREE(m) (holder[m] == NOBODY || freed[m])
#else
#define SEEN(m) holder[m]
#define LOOKS_FREE(m) (holder[m] == NOBODY || rested[m])
#endif
/* Which free address the pool gives is a hint and its host's range too, so here it may be any. */
#define CHOOSE(x) \
    :: d_step { LOOKS_FREE(x) -> m = x; seen = SEEN(x); createSent[t] = createSent[t] | CREATE_BIT(x, seen) }

/* Whose record it is that a retry has found at its address. */
#ifdef NO_TOKEN
#ifdef SHY
#define IS_OURS false
#else
#define IS_OURS (holder[m] != NOBODY && !freed[m])
#endif
#else
#define IS_OURS (holder[m] == t && !freed[m])
#endif

/* A client without a key repeats nothing that it does not know the outcome of. */
#ifdef NO_KEY
bit asked[JOBS];
#define ASK(n) asked[n] = 1
#define MAY_REPEAT(n) (!asked[n])
#define IS_REPEATED(n) false
#else
#define ASK(n) skip
#define MAY_REPEAT(n) (remembered[n] == NOBODY)
#define IS_REPEATED(n) (remembered[n] != NOBODY)
#endif
/* A client may ask another node while the first one still tries. Writer.earlier looks whether the request is an old one. */
#define JOB(n) \
    :: d_step { job[n] == OPEN && MAY_REPEAT(n) && tokens < TOKENS -> ASK(n); j = n; tokens++; t = tokens; work[t] = n + 1 }; \
       goto choose \
    :: d_step { job[n] == OPEN && IS_REPEATED(n) -> GOAL(2); j = n; acknowledge(remembered[n]); j = 0 }

/* The daemon dies, or it has given up and told its client that it does not know. */
#define CRASH :: d_step { forget() }; goto idle

inline forget() {
    j = 0;
    t = 0;
    m = 0;
    seen = 0;
    answer = SILENCE
}

active [NODES] proctype Node() {
    byte i, j, t, m, seen, answer;

idle:
end:
    if
    JOB(0)
    JOB(1)
#if JOBS > 2
    JOB(2)
#endif
    fi;
    goto idle;

choose:
    if
    CHOOSE(0)
    CHOOSE(1)
    :: d_step { !LOOKS_FREE(0) && !LOOKS_FREE(1) -> GOAL(3); PUT(refused, t); check(); forget() }; goto idle
    CRASH
    fi;

    /*
     * The request is sent, and after each silence the very same is sent again: nothing changes here with that. A copy that
     * is applied and whose answer gets lost is a LATE_CREATE. An answer may be on its way for long.
     */
    if
    :: d_step {
        if
        :: MAC_AS_SEEN(m, seen) && MAY_CREATE(t) -> create(t, m); answer = DONE
        :: else -> answer = FAILED
        fi
    }
    CRASH
    fi;

    if
    :: d_step { answer == DONE -> acknowledge(t); forget() }; goto idle
    /* Refused: by the work of an earlier copy of itself? */
    :: d_step { answer == FAILED && IS_OURS -> GOAL(4); acknowledge(t); forget() }; goto idle
    /* By what another node has made of the same request? */
    :: d_step { answer == FAILED && !IS_OURS && IS_REPEATED(j) -> acknowledge(remembered[j]); forget() }; goto idle
    /* By somebody else, who was faster. That cannot be undone, so that no copy of this request can come late any more. */
#ifdef SHY
    :: d_step { answer == FAILED && !IS_OURS && !IS_REPEATED(j) -> PUT(refused, t); check(); forget() }; goto idle
#else
    :: d_step { answer == FAILED && !IS_OURS && !IS_REPEATED(j) -> m = 0; seen = 0; answer = SILENCE }; goto choose
#endif
    CRASH
    fi
}

#ifdef PROGRESS
/*
 * Every allocation ends. Asked for with weak fairness: who can always go on does so in the end, so that a request sent again
 * and again is answered once. Crashes end with the tokens.
 */
ltl comes_to_rest { <>[] (Node[1]@idle && Node[2]@idle) }
#endif
