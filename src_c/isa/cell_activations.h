/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which activations a cell has.
 *
 * Expects: activations.h.
 */

/* For a cell of any activation. Not inlined: the cells name five each. */
static __attribute__((noinline)) vec any_activation(int how, vec a) {
    return activation_of(how, a);
}

/* How a cell activates: `state` for what goes into the state, `gate` for its gates. A fused cell
 * knows them when it is compiled, but for the RNN's, which is tanh, sigmoid or relu. */
typedef struct {
    int any;
    int state;
    int gate;
} manner;

INLINE vec activate(const manner m, const int how, vec a) {
    if (m.any) return any_activation(how, a);
    return how == FASTRNN_TANH ? v_tanh(a) : how == FASTRNN_SIGMOID ? v_sigmoid(a) : v_relu(a);
}

/* The cell's own activations, or, with `any`, those of the step. */
INLINE manner manner_of(const int cell, const int any, int activation, int recurrent_activation) {
    manner m = {any, FASTRNN_TANH, FASTRNN_SIGMOID};
    if (any || cell == FASTRNN_RNN) m.state = activation;
    if (any) m.gate = recurrent_activation;
    return m;
}
