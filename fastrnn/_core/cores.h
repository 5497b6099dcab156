/* SPDX-License-Identifier: Apache-2.0 */
/* What the system says of its cores, and asking it for another one than the caller's. Elsewhere
 * than on Linux: nothing known, nothing done. */
#ifndef FASTRNN_CORES_H
#define FASTRNN_CORES_H

#ifdef __linux__
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

#ifdef __linux__
/* /proc/loadavg, opened once: that takes ten times as long as reading it. The number is checked at
 * each use, for a program may have closed it and opened something else. -1 where there is none. */
static inline int fastrnn_loadavg(void) {
    static _Atomic int opened = -1;
    static struct stat known;
    struct stat found;
    int file = atomic_load(&opened), none = -1;
    if (file >= 0 && !fstat(file, &found) && found.st_dev == known.st_dev &&
        found.st_ino == known.st_ino)
        return file;
    if (file >= 0) atomic_compare_exchange_strong(&opened, &file, -1);
    file = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &known)) return file;
    if (!atomic_compare_exchange_strong(&opened, &none, file)) {
        close(file);
        return none;
    }
    return file;
}
#endif

/* Threads that run or want to, of all programs; 0 where that, or how many cores they have, cannot
 * be told. */
static inline int fastrnn_running(int *cores) {
#ifdef __linux__
    static _Atomic int online; /* asking costs as much as a hundred steps */
    char text[128];
    cpu_set_t allowed;
    if (!online) online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    *cores = online;
    /* A process that may use some cores only does not compete with all that runs. */
    if (sched_getaffinity(0, sizeof allowed, &allowed) || CPU_COUNT(&allowed) != *cores) return 0;
    ssize_t size = pread(fastrnn_loadavg(), text, sizeof text - 1, 0);
    if (size <= 0) return 0;
    text[size] = 0;
    char *slash = strchr(text, '/'); /* "0.01 0.04 0.00 2/345 6789" */
    if (!slash) return 0;
    while (slash > text && slash[-1] != ' ') slash--;
    return atoi(slash);
#else
    *cores = 0;
    return 0;
#endif
}

/* The core that the caller is on, for `fastrnn_keep_off`; -1 where its threads are placed by hand
 * or it cannot be told. */
static inline int fastrnn_core(void) {
#if defined(__linux__) && defined(_OPENMP)
    return omp_get_proc_bind() == omp_proc_bind_false ? sched_getcpu() : -1;
#else
    return -1;
#endif
}

/* Keeps the calling thread of a team off a core, that of the team's first thread, from its next
 * sleep on. A virtual machine's kernel takes a core that has slept for long for one that the host
 * gave away, and wakes a thread on the core of the one that calls it: the two then wait for each
 * other by turns of some milliseconds. */
static inline void fastrnn_keep_off(int core) {
#if defined(__linux__) && defined(_OPENMP)
    static _Thread_local int kept_off = -1;
    static _Thread_local cpu_set_t chosen;
    cpu_set_t allowed;
    if (core < 0 || core == kept_off || core >= CPU_SETSIZE) return;
    if (sched_getaffinity(0, sizeof allowed, &allowed)) return;
    /* Where somebody else has chosen since, that holds. */
    if (kept_off >= 0 && CPU_EQUAL(&allowed, &chosen)) CPU_SET(kept_off, &allowed);
    kept_off = -1;
    chosen = allowed;
    CPU_CLR(core, &chosen);
    if (CPU_COUNT(&chosen) + 1 >= omp_get_num_threads())
        kept_off = core;
    else
        chosen = allowed; /* not a core for each thread: the system may place them all */
    sched_setaffinity(0, sizeof chosen, &chosen);
#else
    (void)core;
#endif
}

/* When the calling thread last began a call that was worth a team, and last ended a shared one. */
static _Thread_local double fastrnn_last_call = -1, fastrnn_last_team = -1;

/* Whether a call that begins now comes after a rest of `rested` seconds, and its team, unused for
 * `asleep` seconds, has to be woken. */
static inline int fastrnn_is_rested(double now, double asleep, double rested) {
    int is_rested = now - fastrnn_last_call > rested && now - fastrnn_last_team > asleep;
    fastrnn_last_call = now;
    return is_rested;
}

static inline void fastrnn_note_team(double now) { fastrnn_last_team = now; }

#endif
