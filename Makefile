# The project's commands; `make help` lists them. The first that needs packages installs them into .venv.
.DEFAULT_GOAL := help
.PHONY: help install demo test check format bench lock opponents clean chromium bundle-fresh spark-install spark-demo
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# Most tests wait for a server to start, stop or come back: three at a time keep two cores busy.
TESTERS ?= 3
INSTALLED := .venv/installed
NODE_MODULES := tracker/node_modules/.package-lock.json

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

install: $(INSTALLED) ## Make .venv from the hash lock

$(INSTALLED): requirements.lock requirements-uv.lock pyproject.toml stack/bootstrap.sh
	@sh stack/bootstrap.sh

demo: $(INSTALLED) ## The whole loop on this machine, with a shop to click in (ONCE=1: prove it, stop, exit)
	@$(BIN)/clickloop demo $(if $(ONCE),--once)

test: $(INSTALLED) $(NODE_MODULES) chromium ## All tests, on Kafka and Redis of their own (ARGS=... goes to pytest)
	@cd tracker && PATH="$(CURDIR)/$(BIN):$$PATH" npm test --silent
	@$(BIN)/python -m stack.jars fetch
	@$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile $(ARGS)

check: $(INSTALLED) $(NODE_MODULES) ## Lint, format, types, import rules, committed schema and bundle
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m contracts.schema --check
	@cd tracker && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent types
	@$(MAKE) bundle-fresh

format: $(INSTALLED) ## Rewrite the Python sources in the house format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(INSTALLED) ## Every benchmark, one line of JSON each
	@$(BIN)/clickloop bench all --json

spark-install: .venv-spark/installed ## Make .venv-spark: pyspark and what the fold needs, 1.1 GB

spark-demo: $(INSTALLED) spark-install ## The fold under Spark, killed twice, held against a plain fold (needs Java 17 or 21)
	@$(BIN)/python -W ignore -m stack.spark_demo $(EVENTS)

.venv-spark/installed: requirements-spark.lock requirements-uv.lock stack/bootstrap.sh
	@sh stack/bootstrap.sh spark

lock: $(INSTALLED) ## Resolve the locks of Python packages and jars anew
	@sh stack/lock.sh

opponents: $(INSTALLED) ## Make .venv-opponents, the libraries that quality is measured against, from their lock
	@sh stack/opponents.sh

clean: ## Remove what the targets made, state in .clickloop included
	rm -rf .venv .venv-spark .venv-opponents .cache .clickloop .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf tracker/node_modules *.egg-info build

# The browser of the page's test: the machine's, else Playwright's, else Debian's package as root.
chromium: $(INSTALLED)
	@$(BIN)/python -m stack.chromium

$(NODE_MODULES): tracker/package.json tracker/package-lock.json $(INSTALLED)
	@cd tracker && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent
	@touch $@

# The committed bundles must be what the sources give.
bundle-fresh: $(NODE_MODULES)
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && $(BIN)/node tracker/build.mjs "$$fresh" && \
	for file in tracker/dist shop/web/dist; do \
		diff -rq "$$fresh/$$file" $$file || { echo "error: $$file is stale. Run: cd tracker && npm run build" >&2; exit 1; }; \
	done && echo "Bundles are fresh."
