# The page: pictures of one network, and everything that the claims are measured on.
$(OUT)/pictures.rnn: $(OUT)/figure3.rnn
	@$(C) select --kind array -o $@ $<
PAGE = $(OUT)/pictures.rnn $(RESULTS)
