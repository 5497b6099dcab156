/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of team.h that come late, at random: every block of every part is done once and in order,
 * every step at the door by the whole team or by thread 0, every share of a queue once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "team.h"

enum { THREADS = 4, PARTS = 3, STEPS = 40, SHARES = 2000, ROUNDS = 200, WIDTH = 12 };

static fastrnn_part parts[PARTS];
static fastrnn_door door;
static fastrnn_barrier barrier;
static fastrnn_queue queue;
static int taken[PARTS][STEPS]; /* plain: whoever takes a part must see what was done before */
static int units[STEPS][WIDTH]; /* plain: a step reads what all threads wrote in the step before */
static int shares[SHARES];
static int wrong;

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    wrong = 1;
}

static void come_late(unsigned *seed) {
    int turns = rand_r(seed) % 4 ? 0 : rand_r(seed) % 20000;
    for (volatile int k = 0; k < turns; k++) fastrnn_pause();
}

static void take_parts(int thread, unsigned *seed) {
    ptrdiff_t done;
    int k = fastrnn_part_take(parts, PARTS, thread % PARTS, STEPS, &done);
    while (k >= 0) {
        ptrdiff_t end = done + 1 + rand_r(seed) % 9;
        for (end = end < STEPS ? end : STEPS; done < end; done++) {
            if (taken[k][done] || (done && !taken[k][done - 1])) fail("a block out of order");
            taken[k][done] = 1;
        }
        fastrnn_part_leave(&parts[k], done);
        k = fastrnn_part_take(parts, PARTS, thread % PARTS, STEPS, &done);
    }
    fastrnn_parts_wait(parts, PARTS, STEPS, &barrier);
    for (int part = 0; part < PARTS; part++)
        if (!taken[part][STEPS - 1]) fail("a part that was waited for is not done");
}

/* Step s of the units [begin, end): each is one more than the largest of the step before. */
static void step(ptrdiff_t s, int begin, int end) {
    int most = 0;
    for (int j = 0; s && j < WIDTH; j++) most = units[s - 1][j] > most ? units[s - 1][j] : most;
    for (int j = begin; j < end; j++) units[s][j] = most + 1;
}

static void share_units(int thread, int team, unsigned *seed) {
    ptrdiff_t s = 0;
    int together = 0;
    if (thread > 0) {
        thread = fastrnn_door_enter(&door);
        if (thread == 0) return;
        together = 1;
        s = door.at[0];
    }
    for (; s < STEPS; s++) {
        if (thread == 0) come_late(seed);
        if (!together) together = fastrnn_door_open(&door, team, s, 0);
        int of = together ? team : 1;
        step(s, WIDTH * thread / of, WIDTH * (thread + 1) / of);
        fastrnn_barrier_wait(&barrier, of);
    }
    if (thread == 0) fastrnn_door_close(&door);
}

static void *work(void *number) {
    int thread = (int)(ptrdiff_t)number;
    static _Atomic unsigned calls;
    unsigned seed = 7919u * (unsigned)thread + calls++;
    come_late(&seed);
    take_parts(thread, &seed);
    come_late(&seed);
    share_units(thread, THREADS, &seed);
    for (int k = fastrnn_queue_next(&queue); k < SHARES; k = fastrnn_queue_next(&queue))
        shares[k]++;
    return NULL;
}

int main(void) {
    for (int round = 0; round < ROUNDS && !wrong; round++) {
        pthread_t threads[THREADS];
        fastrnn_parts_init(parts, PARTS);
        fastrnn_door_init(&door);
        fastrnn_barrier_init(&barrier);
        fastrnn_queue_init(&queue);
        for (int part = 0; part < PARTS; part++)
            for (int s = 0; s < STEPS; s++) taken[part][s] = 0;
        for (int k = 0; k < SHARES; k++) shares[k] = 0;
        for (ptrdiff_t k = 0; k < THREADS; k++) pthread_create(&threads[k], NULL, work, (void *)k);
        for (int k = 0; k < THREADS; k++) pthread_join(threads[k], NULL);
        for (int j = 0; j < WIDTH; j++)
            if (units[STEPS - 1][j] != STEPS) fail("a unit of the last step is wrong");
        for (int k = 0; k < SHARES; k++)
            if (shares[k] != 1) fail("a share was not done once");
    }
    return wrong;
}
