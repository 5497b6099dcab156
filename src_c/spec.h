/* SPDX-License-Identifier: Apache-2.0 */
/* A caller's structs, which may be older or newer than the library, as the library knows them. */
#ifndef FASTRNN_SPEC_H
#define FASTRNN_SPEC_H

#include "internal.h"

/* Checks a spec and copies it: of this library's size, its fields valid for themselves and with
 * each other, flags 0 or 1, activations that run in place of FASTRNN_DEFAULT. */
fastrnn_status fastrnn_spec_read(const fastrnn_spec *given, fastrnn_spec *spec);

/* Fills the caller's spec as far as its size goes. */
fastrnn_status fastrnn_spec_write(const fastrnn_spec *spec, fastrnn_spec *to);

/* Copies the weights at `index` of a caller's array. */
fastrnn_status fastrnn_weights_read(const fastrnn_weights *given, ptrdiff_t index,
                                    fastrnn_weights *weights);

/* FASTRNN_CELLS of a checked spec. */
int fastrnn_spec_cell(const fastrnn_spec *spec);

#endif
