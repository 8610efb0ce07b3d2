# Aliases only: ./dev is the one way in.
.PHONY: run test check bench

run:
	./dev

test:
	./dev test

check:
	./dev check

bench:
	./dev bench
