/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest structs that a program may have been compiled with, as they were written then, under
 * names of their own: FASTRNN_SPEC_SIZE_1 and FASTRNN_WEIGHTS_SIZE_1. */
#ifndef OLD_SPEC_H
#define OLD_SPEC_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t size;
    int32_t cell;
    int32_t dtype;
    int32_t isa;
    int32_t bidirectional;
    ptrdiff_t input_size;
    ptrdiff_t hidden_size;
    ptrdiff_t proj_size;
    ptrdiff_t num_layers;
} old_spec;

typedef struct {
    size_t size;
    const void *w_ih;
    const void *w_hh;
    const void *b_ih;
    const void *b_hh;
    const void *w_hr;
} old_weights;

#endif
