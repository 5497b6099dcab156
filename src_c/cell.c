/* SPDX-License-Identifier: Apache-2.0 */
#include "cell.h"

#include <stddef.h>

/* Slots of the gates buffer, forward and backward:
 *     RNN  a        LSTM  i f g o        GRU  n r z q        GRU, reset before  n r z s
 * q = R_n h' + b_hn and s = r h' are there only where training keeps, or the product stands apart.
 * GRU's input side is n r z, its recurrent side r z q: each is one matrix for the products of BPTT.
 */
static const fastrnn_description cells[FASTRNN_CELLS] = {
    [FASTRNN_RNN] = {.name = "rnn",
                     .gates = 1,
                     .slots = 1,
                     .kept_slots = 1,
                     .keeps_h = 1,
                     .reset_slot = -1,
                     .recurrent_bias_gate = -1,
                     .input_groups = 1,
                     .recurrent_groups = 1,
                     .input = {{.gate = 0, .slot = 0, .count = 1}},
                     .recurrent = {{.gate = 0, .slot = 0, .count = 1}}},
    [FASTRNN_LSTM] = {.name = "lstm",
                      .gates = 4,
                      .has_c = 1,
                      .can_project = 1,
                      .has_h_activation = 1,
                      .has_gate_activation = 1,
                      .slots = 4,
                      .kept_slots = 4,
                      .keeps_gates = 1,
                      .reset_slot = -1,
                      .recurrent_bias_gate = -1,
                      .input_groups = 1,
                      .recurrent_groups = 1,
                      .input = {{.gate = 0, .slot = 0, .count = 4}},
                      .recurrent = {{.gate = 0, .slot = 0, .count = 4}}},
    [FASTRNN_GRU] = {.name = "gru",
                     .gates = 3,
                     .has_gate_activation = 1,
                     .slots = 3,
                     .kept_slots = 4,
                     .keeps_gates = 1,
                     .keeps_h = 1,
                     .recurrent_slot = 1,
                     .reset_slot = -1,
                     .recurrent_bias_gate = 2,
                     .input_groups = 2,
                     .recurrent_groups = 2,
                     .input = {{.gate = 2, .slot = 0, .count = 1},
                               {.gate = 0, .slot = 1, .count = 2}},
                     .recurrent = {{.gate = 0, .slot = 1, .count = 2},
                                   {.gate = 2, .slot = 3, .count = 1, .fresh = 1}}},
    [FASTRNN_GRU_BEFORE] = {.name = "gru",
                            .gates = 3,
                            .has_gate_activation = 1,
                            .slots = 4,
                            .kept_slots = 4,
                            .keeps_gates = 1,
                            .keeps_h = 1,
                            .recurrent_slot = 1,
                            .reset_slot = 3,
                            .recurrent_bias_gate = -1,
                            .input_groups = 2,
                            .recurrent_groups = 2,
                            .input = {{.gate = 2, .slot = 0, .count = 1},
                                      {.gate = 0, .slot = 1, .count = 2}},
                            .recurrent = {{.gate = 0, .slot = 1, .count = 2},
                                          {.gate = 2, .slot = 0, .count = 1, .reset = 1}}},
};

const fastrnn_description *fastrnn_describe(int cell) {
    return cell >= 0 && cell < FASTRNN_CELLS ? &cells[cell] : NULL;
}

void fastrnn_input_order(const fastrnn_description *d, int order[FASTRNN_MAX_GATES]) {
    for (int slot = 0; slot < FASTRNN_MAX_GATES; slot++) order[slot] = 0;
    for (int i = 0; i < d->input_groups; i++)
        for (int k = 0; k < d->input[i].count; k++)
            order[d->input[i].slot + k] = d->input[i].gate + k;
}
