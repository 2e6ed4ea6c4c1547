# Needs make, npm and any Node from 20 on: the packages bring the Node that everything runs with.

services := gateway auth users products inventory orders payments notify ops
installed := node_modules/.package-lock.json

.PHONY: help start test audit install repl replay migrate $(services)

help:
	@echo 'make start      run the whole system in one process on http://127.0.0.1:3000'
	@echo 'make test       everything that must pass: format, lint, types, OpenAPI, all tests'
	@echo 'make repl       a REPL attached to the running system'
	@echo 'make replay     place a shop'"'"'s real orders against the running system, and check the sums'
	@echo 'make migrate    bring the databases up to date without starting anything'
	@echo 'make <service>  one node with one service, for a cluster: $(services)'

start: $(installed)
	@exec npm start --silent

test: $(installed)
	@exec npm test --silent

audit: $(installed)
	@exec npm run --silent audit

repl: $(installed)
	@exec npm run --silent repl

replay: $(installed)
	@exec npm run --silent replay

migrate: $(installed)
	@exec npm run --silent migrate

$(services): $(installed)
	@exec npm run --silent node -- $@

install: $(installed)

$(installed): package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@
