# The page: everything that the claims are measured on.
PAGE = $(OUT)/task.rnn $(EVIDENCE:%=$(OUT)/%.rnn)
