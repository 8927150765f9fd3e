# What every study's Makefile has in common.  A study sets STUDY and includes this; it then says in rules how its files are made.
# Files appear when they are complete (-o) and long trainings leave checkpoints, so an interrupted `make` goes on where it was.
SHELL       := /bin/bash
.SHELLFLAGS := -o pipefail -e -c
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDEXPANSION:

ifneq ($(words $(CURDIR)$(OUT)$(BIN)),1)
$(error make cannot work with spaces in names: '$(CURDIR)', OUT='$(OUT)', BIN='$(BIN)'; move the folder, or give another OUT)
endif
ROOT  := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
BIN   ?= $(ROOT)/build/release/bin
SCALE ?= demo
JOBS  ?= $(shell nproc)
# Results of different scales do not mix: demo stands in build/study/STUDY, the others beside it.
OUT   ?= $(ROOT)/build/study/$(STUDY)$(if $(filter-out demo,$(SCALE)),-$(SCALE))
SCALES ?= demo reduced full
$(if $(filter $(SCALE),$(SCALES)),,$(error SCALE must be one of $(SCALES), not '$(SCALE)'))
# $(call scale,DEMO,REDUCED,FULL): the last serves every scale above reduced
scale = $(strip $(if $(filter demo,$(SCALE)),$1,$(if $(filter reduced,$(SCALE)),$2,$3)))

T := $(BIN)/taskgen
R := $(BIN)/rnn-train
X := $(BIN)/rnn-run
C := $(BIN)/rnn-cat
W := $(BIN)/rnn-report
# $(call say,TEXT): what happens next, on standard error
say = @printf '%s: %s\n' '$(STUDY)' '$1' >&2

.DEFAULT_GOAL := study
$(OUT):
	@mkdir -p $@
# Networks are a product: nets.rnn holds all of a study, nets.tsv lists them.
$(OUT)/nets.tsv: $(OUT)/nets.rnn
	@$(C) nets -o $@ $<
# Tables out of streams: FILE.tsv is the table FILE of nets.rnn (learning) or of scored.rnn (performance).
$(OUT)/learning.tsv: $(OUT)/nets.rnn
	@$(C) --to tsv --table learning $< >$@
$(OUT)/performance.tsv: $(OUT)/scored.rnn
	@$(C) --to tsv --table performance $< >$@
# $(call done,CHECKPOINT): a finished training needs its checkpoint no more
done = @rm -f $1 $1.state
# $(call summary,TSV,TITLE,EXPECTED,AT_LEAST,AT_MOST,WHICH): a paragraph about the networks of TSV; see summary.awk
summary = @awk -f $(ROOT)/pipelines/summary.awk -v study='$(STUDY)' -v title='$2' -v expected='$3' -v at_least='$4' -v at_most='$5' -v which='$6' $1
# The study's page.  PAGE names the streams it is told from; the story is page.txt, and claims.tsv is what it is held to.
# (Expanded late, so that a study may set it, here or in page.mk, from what it defines later.)
PAGE ?=
-include page.mk
$(OUT)/$(STUDY).html: $(wildcard page.txt claims.tsv) $$(PAGE) $(OUT)/nets.tsv
	$(call say,writing its page)
	@$(W) --scale $(if $(filter demo reduced,$(SCALE)),$(SCALE),full) --link ../index.html --data $(OUT)/data $(addprefix --claims ,$(wildcard claims.tsv)) -o $@ page page.txt $(PAGE)
page: $(if $(wildcard page.txt),$(OUT)/$(STUDY).html)
	@:
files:
	@printf '  %s\n' $(patsubst $(ROOT)/%,%,$(sort $(wildcard $(OUT)/*.rnn $(OUT)/*.tsv $(OUT)/*.html)))
clean:
	rm -rf $(OUT)
.PHONY: study summary page files clean
