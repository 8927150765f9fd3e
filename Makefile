# rnn-suite: mechanistic study of recurrent neural networks, as Unix tools.
# Everything made here lies under build/.  `make help` lists the targets.
VARIANT ?= release
PREFIX  ?= /usr/local
PYTHON  ?= /usr/bin/python3
SCALE   ?= demo
VERSION := 0.1.0

$(if $(word 2,$(CURDIR)),$(error make cannot work with spaces in names: move this folder, '$(CURDIR)', to a path without))
B   := build/$(VARIANT)
BIN := $(B)/bin
PKG := msgpack openblas lapacke sleef libdeflate zlib cminpack
CONVERT_PKG := libzip matio jansson# only rnn-cat and rnn-report link these

MAKEFLAGS += --no-builtin-rules
FLAGS_release := -O2 -g
FLAGS_debug   := -O0 -g3
FLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
$(if $(FLAGS_$(VARIANT)),,$(error VARIANT must be release, debug or asan, not '$(VARIANT)'))
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings -Wundef
override CPPFLAGS := $(CPPFLAGS) -Ilib -D_GNU_SOURCE -DRNN_SUITE_VERSION='"$(VERSION)"' $(shell pkg-config --cflags $(PKG) $(CONVERT_PKG) 2>/dev/null)
CFLAGS   += -std=c11 $(WARN) $(FLAGS_$(VARIANT)) -ffp-contract=off -pthread
override LDLIBS := $(LDLIBS) $(shell pkg-config --libs $(PKG) 2>/dev/null) -lm
override LDFLAGS := -Wl,--as-needed $(LDFLAGS)
CONVERT_LIBS = $(shell pkg-config --libs $(CONVERT_PKG) 2>/dev/null)

TOOLS := $(patsubst cmd/%.c,%,$(sort $(wildcard cmd/*.c)))
# A file named *_real.c holds code for both precisions: it is compiled twice.
REAL  := $(sort $(wildcard lib/*/*_real.c))
PLAIN := $(filter-out $(REAL),$(sort $(wildcard lib/*/*.c)))
OBJ   := $(PLAIN:%.c=$(B)/%.o) $(REAL:%.c=$(B)/%.f32.o) $(REAL:%.c=$(B)/%.f64.o)
# A kernel file named *_<isa>.c gets that instruction set, and only it; the choice is made at run time.
%_avx2.o   %_avx2.f32.o   %_avx2.f64.o:   ISA := -mavx2 -mfma
%_avx512.o %_avx512.f32.o %_avx512.f64.o: ISA := -mavx512f -mavx512vl -mavx512dq -mavx512bw -mavx2 -mfma

all: $(TOOLS:%=$(BIN)/%) ## build the tools into build/release/bin

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(ISA) -MMD -MP -c -o $@ $<
$(B)/%.f32.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(ISA) -DRNN_REAL_BITS=32 -MMD -MP -c -o $@ $<
$(B)/%.f64.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(ISA) -DRNN_REAL_BITS=64 -MMD -MP -c -o $@ $<
$(B)/librnn.a: $(OBJ)
	@rm -f $@
	ar rcs $@ $^
$(BIN)/%: $(B)/cmd/%.o $(B)/librnn.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(EXTRA_LIBS)
$(BIN)/rnn-cat $(BIN)/rnn-report: EXTRA_LIBS = $(CONVERT_LIBS)
.PRECIOUS: $(B)/%.o
$(B)/tests/%: tests/unit/%.c $(B)/librnn.a $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/librnn.a $(LDFLAGS) $(LDLIBS) $(CONVERT_LIBS) -lcmocka
# Objects depend on the flags that made them, so a change of flags rebuilds.
$(B)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' >$@
-include $(shell find $(B) -name '*.d' 2>/dev/null)

deps: ## install what building and studying need (asks dpkg first; works offline when all is there)
	@pipelines/deps study
check-deps:
	@pipelines/deps check
$(B)/completion.%: cmd/completion $(TOOLS:%=$(BIN)/%)
	PATH="$(abspath $(BIN)):$$PATH" cmd/completion $* $(TOOLS) >$@.part && mv $@.part $@
BASH_COMPLETION = share/bash-completion/completions
ZSH_COMPLETION  = share/zsh/site-functions
install: all $(B)/completion.bash $(B)/completion.zsh ## copy tools, pages and shell completion under $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(foreach s,1 5 7,$(DESTDIR)$(PREFIX)/share/man/man$(s))
	install -m 755 $(TOOLS:%=$(BIN)/%) $(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/$(BASH_COMPLETION) $(DESTDIR)$(PREFIX)/$(ZSH_COMPLETION)
	install -m 644 $(B)/completion.bash $(DESTDIR)$(PREFIX)/$(BASH_COMPLETION)/rnn-suite
	for t in $(TOOLS); do ln -sf rnn-suite $(DESTDIR)$(PREFIX)/$(BASH_COMPLETION)/$$t; done
	install -m 644 $(B)/completion.zsh $(DESTDIR)$(PREFIX)/$(ZSH_COMPLETION)/_rnn-suite
	for p in man/*.[157]; do install -m 644 $$p $(DESTDIR)$(PREFIX)/share/man/man$${p##*.}; done
uninstall: ## remove what install copied
	cd $(DESTDIR)$(PREFIX) && rm -f $(TOOLS:%=bin/%) $(TOOLS:%=$(BASH_COMPLETION)/%) $(BASH_COMPLETION)/rnn-suite $(ZSH_COMPLETION)/_rnn-suite $(foreach p,$(wildcard man/*.[157]),share/man/man$(subst .,,$(suffix $(p)))/$(notdir $(p)))
tests: $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/*.c))
check: check-deps ## build and run every test
	@$(MAKE) --no-print-directory all
	@PYTHON=$(PYTHON) tests/run $(VARIANT)
study: deps ## run the studies at SCALE (demo, reduced, full)
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory -C pipelines study SCALE=$(SCALE) CONFIRM=$(CONFIRM) BIN=$(abspath $(BIN))
bench: deps ## measure speed as ratios in one run
	@$(MAKE) --no-print-directory all
	@tests/bench/run $(B)
fuzz: all ## feed broken streams and arrays to the readers, FUZZ_S (60) seconds each; needs clang
	@tests/fuzz/run $(B) $(FUZZ_S)
clean: ## remove build/
	rm -rf build
help: ## print this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12
.PHONY: all deps check-deps tests check bench fuzz study install uninstall clean help FORCE
FORCE:
