/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which activations a cell has.
 *
 * Expects: activations.h.
 */

/* Not inlined: a cell names up to five. */
static __attribute__((noinline)) vec any_activation(int kind, real alpha, real beta, vec a) {
    return activation_of(kind, alpha, beta, a);
}

/* With `any`, those of the step, clip and all; else a fused cell's own, which are known when it is
 * compiled but for the RNN's, which is tanh, sigmoid or relu. */
typedef struct {
    int any;
    fastrnn_activations of;
    float clip;
} activation_set;

INLINE activation_set activations_of(const int cell, const int any,
                                     const fastrnn_activations *of_step, float clip) {
    activation_set set = {
        any, {{FASTRNN_SIGMOID, 0, 0}, {FASTRNN_TANH, 0, 0}, {FASTRNN_TANH, 0, 0}}, 0};
    if (any) {
        set.of = *of_step;
        set.clip = clip;
    } else if (cell == FASTRNN_RNN) {
        set.of.f.kind = of_step->f.kind;
    }
    return set;
}

INLINE vec activate(const activation_set set, const fastrnn_activation act, vec a) {
    if (set.any) return any_activation(act.kind, (real)act.alpha, (real)act.beta, a);
    return act.kind == FASTRNN_TANH      ? v_tanh(a)
           : act.kind == FASTRNN_SIGMOID ? v_sigmoid(a)
                                         : v_relu(a);
}

INLINE vec clip_argument(const activation_set set, vec a) {
    if (!set.any || set.clip == 0) return a;
    return v_max(v_set1((real)-set.clip), v_min(v_set1((real)set.clip), a));
}

/* act(a) of a pre-activation, which is clipped first. ONNX Runtime does not clip c on its way out,
 * which goes to `activate`. */
INLINE vec activate_gate(const activation_set set, const fastrnn_activation act, vec a) {
    return activate(set, act, clip_argument(set, a));
}
