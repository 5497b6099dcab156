# SPDX-License-Identifier: Apache-2.0
"""A recurrent network learns to drive a two-joint arm to targets from delayed feedback.

The controller, a GRU, sees the target and the arm's angles and velocities of 100 ms ago, and
gives the torques of shoulder and elbow. Nobody tells it the right torques. As in Jordan and
Rumelhart's distal teacher (1992), a model of the arm is learned first, from random movements;
then it is frozen, and the error of the hand goes back through it to the controller, through all
steps of the reach. The figure of merit is the distance left on the true arm, not on the model.

    pip install fastrnn[examples]
    python examples/motor_control.py
"""

import numpy as np
from common import finish, panels, parse

from fastrnn.layers import GRU, Concatenate, Dense, Input, Reshape
from fastrnn.models import Model, Sequential
from fastrnn.optimizers import Adam
from fastrnn.utils import set_random_seed

DT, STEPS, DELAY, HOLD = 0.025, 30, 4, 10  # s; steps of a reach, of delay, to hold at the end
TORQUE, SPEED = 2.5, 5.0  # Nm of a command of 1; rad/s of a velocity of 1
REST = np.array([0.8, 1.5])  # rad, the posture whose angles are 0
VISCOSITY = np.array([[0.5, 0.1], [0.1, 0.3]])  # N m s, of joints and muscles
UPPER, FORE = 0.30, 0.33  # m
TENTH, DECIMETRES = 0.1, 10.0  # the learned models answer in tenths of a velocity, in dm
EFFORT = 1e-2  # weight of the squared commands


def acceleration(angles, velocities, torques):
    """Return the arm's angular accelerations in a horizontal plane, (N, 2).

    M(q) a + C(q, v) + B v = torque, with masses and lengths of Li and Todorov (2004) and with
    more friction, since muscles have it too.
    """
    a1, a2, a3 = 0.16, 0.048, 0.045  # kg m^2
    cosine, sine = np.cos(angles[:, 1]), np.sin(angles[:, 1])
    v1, v2 = velocities.T
    inertia = np.array([[a1 + 2 * a2 * cosine, a3 + a2 * cosine],
                        [a3 + a2 * cosine, np.full_like(cosine, a3)]]).transpose(2, 0, 1)
    coriolis = a2 * sine * np.array([-v2 * (2 * v1 + v2), v1 * v1])
    friction = velocities @ VISCOSITY
    return np.linalg.solve(inertia, (torques - coriolis.T - friction)[..., None])[..., 0]


def hand(angles):
    """Return the true position of the hand in m, (N, 2); angles count from REST."""
    shoulder, elbow = (angles + REST).T
    return np.stack([UPPER * np.cos(shoulder) + FORE * np.cos(shoulder + elbow),
                     UPPER * np.sin(shoulder) + FORE * np.sin(shoulder + elbow)], axis=1)


def push(angles, velocities, commands):
    """Return the true change of the velocities in one step, (N, 2)."""
    return DT / SPEED * acceleration(angles + REST, SPEED * velocities, TORQUE * commands)


def network(inputs):
    model = Sequential([Input((inputs,)), Dense(64, activation="tanh"),
                        Dense(64, activation="tanh"), Dense(2)])
    model.compile(loss="mse", optimizer="adam")
    return model


def learn_arm(random, count, epochs):
    """Return learned models of the velocities' change and of the hand, frozen.

    Random states and commands stand for the movements of a child who finds out what arms do.
    """
    angles, commands = random.uniform(-1.2, 1.2, (count, 2)), random.uniform(-1, 1, (count, 2))
    velocities = random.uniform(-1.5, 1.5, (count, 2))
    pushing, reaching = network(6), network(2)
    pushing.fit(np.hstack([angles, velocities, commands]),
                push(angles, velocities, commands) / TENTH, epochs=epochs, verbose=0)
    reaching.fit(angles, DECIMETRES * hand(angles), epochs=epochs, verbose=0)
    pushing.trainable = reaching.trainable = False
    return pushing, reaching


def build(pushing, reaching, units):
    """Return the closed loop, to be trained, and one step of the controller, to be used."""
    listen, command = GRU(units), Dense(2, activation="tanh")
    start = [Input((2,)), Input((2,)), Input((2,)), Input((units,))]
    target, angles, velocities, memory = start

    def act(angles, velocities, memory):
        seen = Concatenate()([target, angles, velocities])
        memory = listen(Reshape((1, 6))(seen), initial_state=memory)
        return command(memory), memory

    step = Model(start, act(angles, velocities, memory))
    states, path, commands = [(angles, velocities)], [], []
    for k in range(STEPS):
        torque, memory = act(*states[max(0, k - DELAY)], memory)
        velocities = velocities + pushing(Concatenate()([angles, velocities, torque])) * TENTH
        angles = angles + velocities * (DT * SPEED)
        states.append((angles, velocities))
        commands.append(Reshape((1, 2))(torque))
        path.append(Reshape((1, 2))(reaching(angles)))
    held = Concatenate(axis=1, name="held")(path[-HOLD:])
    effort = Concatenate(axis=1, name="effort")(commands)
    loop = Model(start, [held, effort])
    loop.compile(loss=["mse", "mse"], loss_weights=[1.0, EFFORT],
                 optimizer=Adam(2e-3, clipnorm=1.0))
    return loop, step


def reaches(random, count):
    """Return targets in m and the angles at the start, for `count` random reaches."""
    ends = random.uniform(-0.7, 0.7, (2, count, 2)).astype(np.float32)
    return hand(ends[0]).astype(np.float32), ends[1]


def drive(step, targets, angles, units):
    """Let the controller drive the true arm; return the hand's path in m, (STEPS + 1, N, 2)."""
    velocities, memory = np.zeros_like(angles), np.zeros((len(angles), units), np.float32)
    states = [(angles, velocities)]
    for k in range(STEPS):
        torque, memory = step.predict([targets, *states[max(0, k - DELAY)], memory], verbose=0)
        velocities = velocities + push(angles, velocities, torque)
        angles = angles + DT * SPEED * velocities
        states.append((angles, velocities))
    return np.stack([hand(angles) for angles, _ in states])


def draw(paths, targets, distances, path):
    figure, (left, right) = panels(columns=2)
    for k in range(8):
        left.plot(*(100 * paths[:, k].T), marker=".", markersize=3)
        left.plot(*(100 * targets[k]), "k+")
    left.set(xlabel="x, cm", ylabel="y, cm", title="reaches of the hand; + its target")
    left.set_aspect("equal")
    right.plot(DT * np.arange(STEPS + 1), distances)
    right.axvline(DT * (STEPS - HOLD), color="grey", linestyle=":")
    right.set(xlabel="seconds", ylabel="mean distance to the target, cm", ylim=(0, None))
    finish(figure, path)


def main(argv=None):
    options = parse(argv, __doc__, epochs=20, units=64)
    set_random_seed(options.seed)
    random = np.random.default_rng(options.seed)
    movements, arm_epochs, count = 20_000, 30, 4_000
    if options.quick:
        movements, arm_epochs, count, options.epochs, options.units = 10_000, 10, 1_000, 6, 32

    loop, step = build(*learn_arm(random, movements, arm_epochs), options.units)
    targets, angles = reaches(random, count)
    still, memory = np.zeros_like(angles), np.zeros((count, options.units), np.float32)
    held = np.repeat(DECIMETRES * targets[:, None], HOLD, axis=1)
    loop.fit([targets, angles, still, memory], [held, np.zeros((count, STEPS, 2), np.float32)],
             batch_size=64, epochs=options.epochs, verbose=2)

    targets, angles = reaches(random, 200)
    paths = drive(step, targets, angles, options.units)
    distances = 100 * np.linalg.norm(paths - targets, axis=2).mean(axis=1)
    print(f"{len(targets)} new reaches of {distances[0]:.1f} cm on the true arm: "
          f"{distances[-1]:.2f} cm left after {STEPS * DT:.2f} s")
    draw(paths, targets, distances, options.figure)
    return {"start": distances[0], "end": distances[-1]}


if __name__ == "__main__":
    main()
