/* SPDX-License-Identifier: Apache-2.0 */
/* What the threads of one call need from each other: their number, and a barrier that is
 * cheap enough for once a time step. */
#ifndef FASTRNN_TEAM_H
#define FASTRNN_TEAM_H

#include <stdatomic.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include <sched.h>

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

typedef struct {
    _Alignas(64) atomic_int arrived;
    _Alignas(64) atomic_int round;
} fastrnn_barrier;

static inline void fastrnn_barrier_init(fastrnn_barrier *b) {
    atomic_init(&b->arrived, 0);
    atomic_init(&b->round, 0);
}

static inline void fastrnn_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* A step takes microseconds, so waiting threads spin; but with fewer free cores than
 * threads the one waited for may not be running, so they soon offer their core. */
#define FASTRNN_SPINS 1000

static inline void fastrnn_barrier_wait(fastrnn_barrier *b, int threads) {
    if (threads == 1) return;
    int round = atomic_load_explicit(&b->round, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel) + 1 == threads) {
        atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&b->round, round + 1, memory_order_release);
        return;
    }
    for (int spins = 0; atomic_load_explicit(&b->round, memory_order_acquire) == round; spins++) {
        if (spins < FASTRNN_SPINS)
            fastrnn_pause();
        else
            sched_yield();
    }
}

#endif
