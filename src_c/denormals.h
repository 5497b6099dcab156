/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FASTRNN_DENORMALS_H
#define FASTRNN_DENORMALS_H

#include <stdint.h>

/* Flush-to-zero for results and operands: denormals cost 20 times a normal operation and
 * carry nothing that a network needs. Returns what fastrnn_denormals_restore wants back. */
#if defined(__x86_64__)
#include <xmmintrin.h>
static inline uint64_t fastrnn_denormals_flush(void) {
    unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8040u);
    return saved;
}
static inline void fastrnn_denormals_restore(uint64_t saved) { _mm_setcsr((unsigned)saved); }
#elif defined(__aarch64__)
static inline uint64_t fastrnn_denormals_flush(void) {
    uint64_t saved;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(saved));
    __asm__ __volatile__("msr fpcr, %0" : : "r"(saved | (UINT64_C(1) << 24)));
    return saved;
}
static inline void fastrnn_denormals_restore(uint64_t saved) {
    __asm__ __volatile__("msr fpcr, %0" : : "r"(saved));
}
#elif defined(__arm__) && defined(__ARM_FP)
static inline uint64_t fastrnn_denormals_flush(void) {
    uint32_t saved;
    __asm__ __volatile__("vmrs %0, fpscr" : "=r"(saved));
    __asm__ __volatile__("vmsr fpscr, %0" : : "r"(saved | (UINT32_C(1) << 24)));
    return saved;
}
static inline void fastrnn_denormals_restore(uint64_t saved) {
    __asm__ __volatile__("vmsr fpscr, %0" : : "r"((uint32_t)saved));
}
#else /* no such mode, or none known: see fastrnn.h */
static inline uint64_t fastrnn_denormals_flush(void) { return 0; }
static inline void fastrnn_denormals_restore(uint64_t saved) { (void)saved; }
#endif

#endif
