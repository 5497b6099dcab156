/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cell is: its gates, their order in torch's layout and in the gates buffer of the loops,
 * its states, what training keeps, how its biases fold. Said here once; only the equations
 * themselves (isa/cells.h, and the oracle) are elsewhere.
 */
#ifndef FASTRNN_CELL_H
#define FASTRNN_CELL_H

#include "fastrnn.h"

#define FASTRNN_MAX_GATES 4
#define FASTRNN_MAX_GROUPS 2

/* What runs: the public cells, which the kernels have fused to their products too, and a GRU that
 * resets the state before the product:
 *     n = act(W_n x + b_n + R_n s),  s = r h'
 */
enum {
    FASTRNN_FUSED_CELLS = FASTRNN_GRU + 1,
    FASTRNN_GRU_BEFORE = FASTRNN_FUSED_CELLS,
    FASTRNN_CELLS
};

/* `_`(name, cell) of each, for what is compiled once a cell. */
#define FASTRNN_EACH_FUSED(_) _(rnn, FASTRNN_RNN) _(lstm, FASTRNN_LSTM) _(gru, FASTRNN_GRU)
#define FASTRNN_EACH_CELL(_) FASTRNN_EACH_FUSED(_) _(gru_before, FASTRNN_GRU_BEFORE)

/* `count` neighbouring gates, from `gate` on in torch's order, that lie in neighbouring slots, from
 * `slot` on, of a row of the gates buffer. A slot is H values. */
typedef struct {
    int gate;
    int slot;
    int count;
    int fresh; /* recurrent: the slots hold no W x + b, the product begins them */
    int reset; /* recurrent: reads the reset state s instead of h' */
} fastrnn_gate_group;

typedef struct {
    const char *name;
    int gates;               /* G: blocks of H rows in W, R and b, as torch.nn orders them */
    int has_c;               /* a second state, c, of H values */
    int can_project;         /* h = W_hr (o act(c)) */
    int has_h_activation;    /* an activation of c on its way to h, beside those of the gates */
    int has_gate_activation; /* apart from that of the candidate */
    int slots;               /* of a row of the gates buffer, where nothing is kept */
    int kept_slots;          /* where training keeps, or the product stands apart from the cell */
    int keeps_gates;         /* backward wants the gates; else h tells it all */
    int keeps_h;             /* backward wants h; else it makes h again from gates and c */
    int recurrent_slot;      /* first of the G slots that hold d(pre-activations) of R's side */
    int reset_slot;          /* of s, or -1 */
    int recurrent_bias_gate; /* whose recurrent bias is added to R h', not to W x; -1: none */
    int input_groups;        /* W x + b: gates to slots */
    int recurrent_groups;    /* R h': gates that read the same state */
    fastrnn_gate_group input[FASTRNN_MAX_GROUPS];
    fastrnn_gate_group recurrent[FASTRNN_MAX_GROUPS];
} fastrnn_description;

/* The description of one of FASTRNN_CELLS; NULL for any other number. */
const fastrnn_description *fastrnn_describe(int cell);

/* order[slot] = the gate of W, in torch's order, whose W x + b the slot holds. */
void fastrnn_input_order(const fastrnn_description *, int order[FASTRNN_MAX_GATES]);

#endif
