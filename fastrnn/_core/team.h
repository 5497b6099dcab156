/* SPDX-License-Identifier: Apache-2.0 */
/* What the threads of one call need from each other: their number, a barrier that is cheap enough
 * for once a time step, a door for those that come late, and blocks of work for whoever is there. */
#ifndef FASTRNN_TEAM_H
#define FASTRNN_TEAM_H

#include <stdatomic.h>
#include <stddef.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include <sched.h>
#include <time.h>

static inline int fastrnn_team_size(void) {
#ifdef _OPENMP
    return omp_get_num_threads();
#else
    return 1;
#endif
}

static inline int fastrnn_has_openmp(void) {
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}

/* Seconds of the monotonic clock. */
static inline double fastrnn_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void fastrnn_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* A step takes microseconds, so waiting threads spin; but with fewer free cores than threads the
 * one waited for may not be running, so they soon offer their core. */
#define FASTRNN_SPINS 1000

/* One wait of a thread for another. */
typedef struct {
    int spins;
    double since; /* when it began to offer its core */
} fastrnn_wait;

static inline void fastrnn_wait_on(fastrnn_wait *w) {
    if (++w->spins < FASTRNN_SPINS) {
        fastrnn_pause();
        return;
    }
    if (w->spins == FASTRNN_SPINS) w->since = fastrnn_now();
    sched_yield();
}

typedef struct {
    _Alignas(64) atomic_int arrived;
    _Alignas(64) atomic_int round;
    atomic_int lost; /* microseconds of all threads' long waits */
} fastrnn_barrier;

static inline void fastrnn_barrier_init(fastrnn_barrier *b) {
    atomic_init(&b->arrived, 0);
    atomic_init(&b->round, 0);
    atomic_init(&b->lost, 0);
}

/* Notes a wait that is over, if it was so long that the other was not on a core. */
static inline void fastrnn_waited(fastrnn_barrier *b, const fastrnn_wait *w) {
    if (w->spins >= FASTRNN_SPINS)
        atomic_fetch_add_explicit(&b->lost, (int)(1e6 * (fastrnn_now() - w->since)),
                                  memory_order_relaxed);
}

static inline double fastrnn_seconds_lost(const fastrnn_barrier *b) {
    return 1e-6 * atomic_load_explicit(&b->lost, memory_order_relaxed);
}

static inline void fastrnn_barrier_wait(fastrnn_barrier *b, int threads) {
    if (threads == 1) return;
    fastrnn_wait wait = {0, 0};
    int round = atomic_load_explicit(&b->round, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel) + 1 == threads) {
        atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&b->round, round + 1, memory_order_release);
        return;
    }
    while (atomic_load_explicit(&b->round, memory_order_acquire) == round) fastrnn_wait_on(&wait);
    fastrnn_waited(b, &wait);
}

/* Work that wants all of a team at once, as hidden units behind a barrier do. Thread 0 begins
 * alone; before a step it looks whether all the others stand at the door, and if so they go on
 * together from there. */
typedef struct {
    _Alignas(64) atomic_int here;  /* threads at the door, without thread 0 */
    _Alignas(64) atomic_int state; /* FASTRNN_SHUT, ... */
    ptrdiff_t at[2];               /* where those who come in begin */
} fastrnn_door;

enum { FASTRNN_SHUT, FASTRNN_OPEN, FASTRNN_OVER };

static inline void fastrnn_door_init(fastrnn_door *d) {
    atomic_init(&d->here, 0);
    atomic_init(&d->state, FASTRNN_SHUT);
}

/* For thread 0: whether the team is complete from here on. */
static inline int fastrnn_door_open(fastrnn_door *d, int threads, ptrdiff_t at0, ptrdiff_t at1) {
    if (atomic_load_explicit(&d->here, memory_order_acquire) + 1 < threads) return 0;
    d->at[0] = at0;
    d->at[1] = at1;
    atomic_store_explicit(&d->state, FASTRNN_OPEN, memory_order_release);
    return 1;
}

/* For thread 0, before it begins: those who are awake are there in a microsecond, and the first
 * block is better shared. */
static inline void fastrnn_door_wait(fastrnn_door *d, int threads) {
    for (int spins = 0; spins < FASTRNN_SPINS / 5; spins++) {
        if (atomic_load_explicit(&d->here, memory_order_relaxed) + 1 >= threads) return;
        fastrnn_pause();
    }
}

/* For thread 0, when the work is done: who still comes finds nothing to do. */
static inline void fastrnn_door_close(fastrnn_door *d) {
    int shut = FASTRNN_SHUT;
    atomic_compare_exchange_strong(&d->state, &shut, FASTRNN_OVER);
}

/* For the others: a thread's number from 1 on, or 0 when it came too late. */
static inline int fastrnn_door_enter(fastrnn_door *d) {
    int number = atomic_fetch_add_explicit(&d->here, 1, memory_order_acq_rel) + 1, state;
    fastrnn_wait wait = {0, 0};
    while ((state = atomic_load_explicit(&d->state, memory_order_acquire)) == FASTRNN_SHUT)
        fastrnn_wait_on(&wait);
    return state == FASTRNN_OPEN ? number : 0;
}

/* A part of the work that any thread can do, a block after the other: rows of a batch, block by
 * block of their steps. Between two blocks it lies there for whoever comes. */
typedef struct {
    _Alignas(64) _Atomic ptrdiff_t done; /* steps, or FASTRNN_TAKEN while a thread is at it */
} fastrnn_part;

#define FASTRNN_TAKEN (-1)

static inline void fastrnn_parts_init(fastrnn_part *parts, int count) {
    for (int k = 0; k < count; k++) atomic_init(&parts[k].done, 0);
}

/* Takes the part that is furthest behind, of equals the thread's own, to go on after *done of
 * `steps` steps; -1 when none is left. */
static inline int fastrnn_part_take(fastrnn_part *parts, int count, int own, ptrdiff_t steps,
                                    ptrdiff_t *done) {
    for (;;) {
        int best = -1;
        ptrdiff_t least = steps;
        for (int k = 0; k < count; k++) {
            int part = (own + k) % count;
            ptrdiff_t d = atomic_load_explicit(&parts[part].done, memory_order_relaxed);
            if (d != FASTRNN_TAKEN && d < least) best = part, least = d;
        }
        if (best < 0) return -1;
        *done = least;
        if (atomic_compare_exchange_strong_explicit(&parts[best].done, &least, FASTRNN_TAKEN,
                                                    memory_order_acquire, memory_order_relaxed))
            return best;
    }
}

static inline void fastrnn_part_leave(fastrnn_part *part, ptrdiff_t done) {
    atomic_store_explicit(&part->done, done, memory_order_release);
}

/* Waits until all steps of all parts are done; `b` notes it. */
static inline void fastrnn_parts_wait(fastrnn_part *parts, int count, ptrdiff_t steps,
                                      fastrnn_barrier *b) {
    fastrnn_wait wait = {0, 0};
    for (int k = 0; k < count; k++)
        while (atomic_load_explicit(&parts[k].done, memory_order_acquire) < steps)
            fastrnn_wait_on(&wait);
    fastrnn_waited(b, &wait);
}

/* Shares of work that nobody else waits for: the next one's number. */
typedef struct {
    _Alignas(64) atomic_int next;
} fastrnn_queue;

static inline void fastrnn_queue_init(fastrnn_queue *q) { atomic_init(&q->next, 0); }

static inline int fastrnn_queue_next(fastrnn_queue *q) {
    return atomic_fetch_add_explicit(&q->next, 1, memory_order_relaxed);
}

#endif
