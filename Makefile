# Needs make, npm and any Node from 20 on: the packages bring the Node that everything runs with.

services := gateway auth users products inventory orders payments notify
installed := node_modules/.package-lock.json

# as npm does it
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help start test install repl replay migrate $(services)

help:
	@echo 'make start      run the whole system in one process on http://127.0.0.1:3000'
	@echo 'make test       everything that must pass: format, lint, types, OpenAPI, all tests'
	@echo 'make repl       a REPL attached to the running system'
	@echo 'make replay     place a shop'"'"'s real orders against the running system, and check the sums'
	@echo 'make migrate    bring the databases up to date without starting anything'
	@echo 'make <service>  one node with one service, for a cluster: $(services)'

start: $(installed)
	@exec node scripts/start.ts

test: $(installed)
	@exec node scripts/test.ts

repl: $(installed)
	@exec node scripts/repl.ts

replay: $(installed)
	@exec node scripts/replay.ts

migrate: $(installed)
	@exec node scripts/migrate.ts

$(services): $(installed)
	@exec node scripts/node.ts $@

install: $(installed)

# Not npm ci, which refuses the lock file wherever the registry lacks a package of some other operating system. The
# versions are the lock file's all the same.
$(installed): package.json package-lock.json
	npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@
