/* SPDX-License-Identifier: Apache-2.0 */
/* Streams over layers that lie anywhere: the Python package's, which share one packed copy of their
 * weights among all streams of a model. */
#ifndef FASTRNN_STREAM_H
#define FASTRNN_STREAM_H

#include "stack.h"

/* As fastrnn_stream_bytes and fastrnn_stream_init, of `count` forward layers, each of which reads what
 * the one below it hands on. What the views point to must stay as long as the stream; the array
 * itself need not. */
fastrnn_status fastrnn_layers_stream_bytes(const fastrnn_layer_view *views, ptrdiff_t count,
                                           ptrdiff_t batch, size_t *bytes);
fastrnn_status fastrnn_layers_stream_init(void *memory, size_t bytes,
                                          const fastrnn_layer_view *views, ptrdiff_t count,
                                          ptrdiff_t batch, fastrnn_stream **stream);

#endif
