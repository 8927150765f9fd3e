#!/usr/bin/env bats
# What README.md tells a stranger to type works as it stands there.
bats_require_minimum_version 1.5.0

setup() {
    readme=$BATS_TEST_DIRNAME/../../README.md
    cd "$BATS_TEST_TMPDIR"
}

block() { # N: the N-th python block
    awk -v want="$1" '/^```python/ { n++; next } /^```/ { n += 0; inside = 0 } { if (n == want && !done) print } /^```$/ && n == want { done = 1 }' "$readme" | grep -v '^```'
}
command() { # PATTERN: the command line that holds it
    sed -n 's/^    \$ //p' "$readme" | grep -F -- "$1" | head -n 1
}

@test "the tour runs, and its networks remember" {
    train=$(command 'nets 3')
    [ -z "${RNN_TEST_SMALL-}" ] || train=${train/--nets 3/--nets 3 --updates 60} # sanitizers are slow: the words, not the science
    eval "$train"
    eval "$(command 'rnn-cat info')" | grep -q 'repeat-copy'
    eval "$(command '--horizon 200')" >table
    [ -z "${RNN_TEST_SMALL-}" ] || return 0
    [ "$(awk 'NR > 1 && $5 > 0.999' table | wc -l)" = 3 ]
    eval "$(command '--silence')" >table
    [ "$(awk 'NR > 1 && $2 < 0.9' table | wc -l)" = 3 ]
    eval "$(command '--to npz')"
    eval "$(command 'eigvals')" | grep -q '1.02'
    eval "$(command 'figure spectrum')"
    grep -q '<svg' spectrum.svg
}

@test "a task of one's own is learned" {
    block 1 >more.py
    eval "$(command 'more.py')"
    rnn-cat check more.rnn
    train=$(command '--trials more.rnn')
    [ -z "${RNN_TEST_SMALL-}" ] || train=${train/--epochs 40/--epochs 2}
    eval "$train" >table
    [ -z "${RNN_TEST_SMALL-}" ] || return 0
    [ "$(awk 'NR > 1 && $3 > 0.9' table | wc -l)" = 2 ]
}

@test "weights of a GRU become a network, whose activity Python reads" {
    cat - <(block 2) >export.py <<'EOF'
import numpy as np
class A(np.ndarray):
    def numpy(self): return np.asarray(self)
g = np.random.default_rng(1)
def a(*shape): return g.normal(0, 0.2, shape).astype("f4").view(A)
class model:
    def state_dict(): return {"rnn.weight_ih_l0": a(192, 3), "rnn.weight_hh_l0": a(192, 64), "rnn.bias_ih_l0": a(192), "rnn.bias_hh_l0": a(192),
                              "fc.weight": a(3, 64), "fc.bias": a(3)}
EOF
    "$PYTHON" export.py
    eval "$(command '>task.rnn')"
    eval "$(command '--cell gru')"
    eval "$(command '--activity')"
    rnn-cat check activity.rnn
    block 3 >read.py
    [ "$("$PYTHON" read.py)" = "(64, 104, 64)" ]
    head -c -9 activity.rnn >cut && mv cut activity.rnn
    run ! "$PYTHON" read.py
    eval "$(command '--activity')"
    eval "$(command 'figure fixedpoints')"
    grep -q '<svg' fixedpoints.svg
}

@test "the sweep on a cluster makes the ensemble, from shards" {
    mkdir bin
    cat >bin/sbatch <<'END'
#!/bin/bash
# every task of --array=A-B, one after the other; --wrap COMMAND
range=${1#--array=}
for SLURM_ARRAY_TASK_ID in $(seq "${range%-*}" "${range#*-}"); do export SLURM_ARRAY_TASK_ID; bash -c "$3" || exit; done
END
    chmod +x bin/sbatch
    PATH=$PWD/bin:$PATH
    eval "$(command '--fresh >task.rnn')"
    submit=$(command 'sbatch')
    eval "${submit/--seed 1/--seed 1 --updates 2 --hidden 6}"
    eval "$(command '--expect-nets 100')"
    eval "$(command 'index.tsv')"
    [ "$(wc -l <index.tsv)" = 101 ]
    [ "$(cut -f 1 index.tsv | sort -u | wc -l)" -ge 2 ]
    rnn-train --nets 100 --seed 1 -q --updates 2 --hidden 6 task.rnn | rnn-cat nets | cut -f 13 | cmp - <(cut -f 13 index.tsv)
}
