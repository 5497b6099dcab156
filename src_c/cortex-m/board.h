/* SPDX-License-Identifier: Apache-2.0 */
/* What a program on the bare board has instead of an operating system. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

/* Prints through the debugger, or the emulator that stands in for it. */
void board_print(const char *text);
void board_print_number(uint32_t number);

/* How many instructions have run, modulo 2^32 and to the next tick of the clock of 25 MHz; under
 * qemu's -icount shift=5, where an instruction takes 32 ns. Call it at least twice a second. */
uint32_t board_instructions(void);

#endif
