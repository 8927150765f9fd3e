#!/usr/bin/env bats
# Networks with a decoder and with heads through the tools: sequence --objective autoencode|multi, rnn-train --decoder, and what
# looks at them afterwards.  Numbers: tests/interop/decoder_numpy.py, tests/unit/test_decoder.c.
bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    for o in autoencode multi classify; do
        taskgen sequence --tokens 4 --n-types 3 --suffix 1 --objective $o -o $o.rnn
    done
    for o in autoencode multi; do
        rnn-train -q --hidden 12 --decoder 4 --epochs 4 --nets 3 -o $o.nets $o.rnn
    done
    export IN=$PWD
}
setup() { cd "$BATS_TEST_TMPDIR"; }

refused() { # MESSAGE COMMAND...: status 2 and that one line
    local want=$1 status=0
    shift
    "$@" >out 2>said || status=$?
    [ "$status" -eq 2 ]
    grep -qF -e "$want" said || { cat said; false; }
    [ "$(wc -l <said)" -eq 1 ]
}

@test "the bytes are the same for every -j, and of one net for every --nets and --shard" {
    for o in autoencode multi; do
        rnn-train -q -j 3 --hidden 12 --decoder 4 --epochs 4 --nets 3 -o j3 "$IN/$o.rnn"
        cmp "$IN/$o.nets" j3
        rnn-train -q --hidden 12 --decoder 4 --epochs 4 --nets 3 --shard 1/3 "$IN/$o.rnn" | rnn-cat --to npz -o one.npz
        rnn-cat --to npz -o all.npz "$IN/$o.nets"
        "$PYTHON" -c 'import numpy as np
one, every = (np.load(f) for f in ("one.npz", "all.npz"))
mine = [k for k in one.files if "W_" in k or "b_" in k]
assert any("net-0001/W_rec_dec" == k for k in every.files) and len(mine) >= 10
assert all((one[k] == every[k if k in every.files else "net-0001/" + k]).all() for k in mine)'
    done
}

@test "the recipe of the study: latent variables and epochs" {
    rnn-train --print-config "$IN/autoencode.rnn" | sed 's/ *#.*//' >a
    grep -qx 'decoder = 10' a && grep -qx 'epochs = 100' a && grep -qx 'batch = 1' a
    rnn-train --print-config "$IN/multi.rnn" | sed 's/ *#.*//' >m
    grep -qx 'decoder = 10' m && grep -qx 'epochs = 50' m
    rnn-train --print-config "$IN/classify.rnn" | sed 's/ *#.*//' | grep -qx 'decoder = 0'
}

@test "what cannot be combined is refused, naming the option" {
    refused 'say --decoder LATENT' rnn-train -q --decoder 0 "$IN/autoencode.rnn"
    taskgen sequence --tokens 4 --n-types 3 --suffix 1 --objective next-token -o next.rnn
    refused "step by step; a decoder answers at the end" rnn-train -q --decoder 3 next.rnn
    refused '--bptt with --decoder' rnn-train -q --bptt 2 "$IN/autoencode.rnn"
    refused '--noise with --decoder' rnn-train -q --noise 0.1 "$IN/autoencode.rnn"
    refused '--dale with --decoder' rnn-train -q --dale 0.8 "$IN/multi.rnn"
    refused '--sparsity with --decoder' rnn-train -q --sparsity 0.8 "$IN/multi.rnn"
    refused '--tau-to with --decoder' rnn-train -q --cell leaky --tau 10 --tau-to 20 "$IN/multi.rnn"
    refused 'with --decoder' rnn-train -q --read before "$IN/multi.rnn"
    refused 'with --decoder' rnn-train -q --rank 2 --reduced "$IN/multi.rnn"
    refused 'heads have cross-entropies' rnn-train -q --loss mse "$IN/multi.rnn"
    refused '--loss-steps' rnn-train -q --loss-steps last "$IN/multi.rnn"
    refused '--loss-norm positions' rnn-train -q --loss-norm positions "$IN/multi.rnn"
    refused 'the read-out must be linear' rnn-train -q --readout softmax "$IN/multi.rnn"
    refused '--delay has no meaning' taskgen sequence --objective multi --delay 1
    refused '--shuffle-labels has no meaning' taskgen sequence --objective autoencode --shuffle-labels
    refused 'two classes or more' taskgen sequence --objective multi --n-types 1
    taskgen sequence --objective autoencode --types abba --delay 2 | rnn-train -q --hidden 4 --epochs 1 | rnn-cat head >/dev/null
}

@test "a decoder serves any task and any cell" {
    taskgen repeat-copy --length 3 --dims 2 --fresh >copy.rnn
    for cell in elman leaky leaky-current gru; do
        rnn-train -q --preset none --cell $cell --decoder 5 --hidden 10 --updates 20 copy.rnn | rnn-run -q --horizon 6 |
            rnn-cat --to tsv --table performance >t
        [ "$(wc -l <t)" -eq 2 ]
        run ! grep -qw nan t
    done
}

@test "scores of every head; truncated and ablated encoders are run with their decoder" {
    rnn-run -q "$IN/multi.nets" | rnn-cat --to tsv --table performance | head -1 | tr '\t' '\n' >names
    for m in accuracy step_accuracy class_accuracy next_accuracy next_step_accuracy auto_accuracy auto_step_accuracy; do grep -qx $m names; done
    rnn-run -q "$IN/autoencode.nets" | rnn-cat --to tsv --table performance >whole
    rnn-lowrank -q --truncate 12 "$IN/autoencode.nets" | rnn-run -q | rnn-cat --to tsv --table performance >full
    rnn-lowrank -q --truncate 1 "$IN/autoencode.nets" | rnn-run -q | rnn-cat --to tsv --table performance >one
    step() { awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "step_accuracy") k = i; next } { print $k }' "$1"; }
    [ "$(step whole)" = "$(step full)" ]
    [ "$(step whole)" != "$(step one)" ]
    rnn-lowrank -q --truncation --overlaps --align hidden "$IN/multi.nets" | rnn-cat --to tsv --table truncation | grep -q net-0002
    rnn-fixedpts -q --count 4 "$IN/autoencode.nets" >/dev/null
    rnn-run -q --split train,test --activity "$IN/multi.nets" | rnn-geometry -q -m separability | rnn-cat --to tsv --table geometry | grep -q ridge
    rnn-run -q --split train,test --activity --what latent "$IN/multi.nets" | rnn-geometry -q | rnn-cat --to tsv --table geometry >latent
    grep -q ridge latent
    grep -q latent latent # the label activity, apart from what the units do
    rnn-train -q --hidden 4 --decoder 4 --epochs 1 "$IN/multi.rnn" | rnn-run -q --split train,test --activity --what latent >as-many
    refused 'rates of all units' rnn-geometry -q -m modes as-many
}

@test "an autoencoder lends its encoder, and its weights leave through npz" {
    rnn-transfer -q --donors auto="$IN/autoencode.nets" --hidden 12 --conditions i2h+h2h --epochs 2 --at 2 "$IN/classify.rnn" |
        rnn-cat --to tsv --table transfer | grep -q auto/i2h+h2h
    rnn-cat --to npz -o n.npz "$IN/multi.nets"
    "$PYTHON" -c 'import numpy as np; z = np.load("n.npz")
shape = lambda k: z["net-0001/" + k].shape
assert shape("W_out") == (3 + 4 + 4, 12) and shape("W_rec_dec") == (12, 12) and shape("W_in_dec") == (12, 4) and shape("W_out_dec") == (4, 12)'
}

@test "tools that cannot look through a decoder say so" {
    taskgen repeat-copy --length 3 --dims 2 --fresh | rnn-train -q --preset none --decoder 5 --hidden 10 --updates 2 -o copy
    refused 'reads out through a decoder' rnn-varmem -q copy
    refused 'a decoder starts after the last step' rnn-run -q --activity --steps 5 "$IN/autoencode.nets"
    refused 'a decoder starts after the last step' rnn-run -q --perturb 1 --perturb-step 2 "$IN/autoencode.nets"
    rnn-train -q --hidden 6 --rank 2 --epochs 1 "$IN/autoencode.rnn" -o factors
    refused 'decoder is factorised too' rnn-lowrank -q --truncate 1 factors
    rnn-train -q --hidden 6 --epochs 1 "$IN/classify.rnn" >plain
    refused 'has no decoder' rnn-run -q --activity --what latent plain
    refused 'no unit 4' rnn-run -q --activity --what latent --units 4 "$IN/autoencode.nets"
}
