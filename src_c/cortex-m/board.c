/* SPDX-License-Identifier: Apache-2.0 */
/* From reset to main, and semihosting: requests that a breakpoint hands to the debugger. */
#include "board.h"

extern uint32_t data_begin[], data_end[], data_load[], bss_begin[], bss_end[], stack_top[];
int main(void);
_Noreturn void reset(void); /* where board.ld begins */

#define CPACR (*(volatile uint32_t *)0xE000ED88) /* access to coprocessors */
#define SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018)

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };
enum { CLOCK_TOP = 0xffffff };

static void request(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ __volatile__("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static _Noreturn void leave(uint32_t status) {
    const uint32_t reason[2] = {APPLICATION_EXIT, status};
    for (;;) request(SYS_EXIT_EXTENDED, reason);
}

void board_print(const char *text) { request(SYS_WRITE0, text); }

void board_print_number(uint32_t number) {
    char digits[11], *first = digits + sizeof digits - 1;
    *first = 0;
    do *--first = (char)('0' + number % 10);
    while (number /= 10);
    board_print(first);
}

uint32_t board_instructions(void) {
    static uint32_t ticks, last = CLOCK_TOP; /* the clock counts down and begins anew */
    uint32_t now = SYSTICK_VALUE;
    ticks += (last - now) & CLOCK_TOP;
    last = now;
    return (uint32_t)((uint64_t)ticks * 40 / 32);
}

_Noreturn void reset(void) {
    CPACR |= 0xfu << 20; /* the FPU */
    __asm__ __volatile__("dsb\n isb");
    for (uint32_t *from = data_load, *to = data_begin; to < data_end;) *to++ = *from++;
    for (uint32_t *to = bss_begin; to < bss_end;) *to++ = 0;
    SYSTICK_RELOAD = CLOCK_TOP;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 5; /* on, at the processor's clock, without interrupts */
    leave((uint32_t)main());
}

static _Noreturn void fault(void) {
    board_print("FAILED: a fault of the processor\n");
    leave(2);
}

/* The top of the stack, then reset, NMI and the faults; no interrupt is ever on. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[6])(void);
} vectors = {stack_top, {reset, fault, fault, fault, fault, fault}};
