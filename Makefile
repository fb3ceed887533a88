# Every target works alone and first. The only thing needed beforehand is Python 3.11 or newer, named with
# PYTHON=... where `python3` is not it.

.DEFAULT_GOAL := help
# The environment and the site are shared by the targets: one step at a time.
.NOTPARALLEL:

# A caller's settings must not leak into what is installed, executed or drawn.
unexport PYTHONPATH PYTHONHOME MPLBACKEND
export PYTHONUTF8 := 1

PYTHONS := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11)
RUN := .venv/bin/python
SITE := _build/site.stamp
LABML := _build/labml
SITE_SOURCES = $(shell find _config.yml _toc.yml pyproject.toml constraints.txt book chapters feedback_lite \
	-type f -not -path '*/__pycache__/*' -not -path '*/.*')
# Deno lints and formats the figures' scripts and checks the types in their comments. It needs no network for that.
DENO = DENO_DIR=_build/deno DENO_NO_UPDATE_CHECK=1 .venv/bin/deno
SCRIPTS = --config book/tools/deno.json feedback_lite/widgets/js $(wildcard book/site/assets/*.js)
JOBS ?= 3
PORT ?= 8000

# Takes the first Python that is new enough, else the first that runs, which then says what is wrong.
define set_up
	@chosen=; \
	for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    chosen=$$python; break; \
	  fi; \
	  if [ -z "$$chosen" ] && "$$python" -c '' 2>/dev/null; then chosen=$$python; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	  echo "Set-up: none of these runs: $(PYTHONS). Install Python 3.11 or newer, or name it with PYTHON=..." >&2; \
	  exit 1; \
	fi; \
	"$$chosen" book/tools/environment.py $(1)
endef

.PHONY: help book test lint faults serve lab notebooks bench offline pdf links versions audit clean distclean
.PHONY: environment-book environment-test environment-lab environment-audit

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

book: environment-book $(SITE) ## set up what is needed and build the site into _build/html
	@echo "The site is ready: _build/html/index.html"

test: environment-test lint $(SITE) ## set up what is needed and run every check and test
	@echo "Looking for a browser ..."
	$(RUN) -m book.tools.browser
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder \
	  --nbval --nbval-current-env $(ARGS)

lint: environment-test ## check style, layout and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	.venv/bin/zizmor --offline --no-progress --quiet .github
	$(DENO) lint $(SCRIPTS)
	$(DENO) fmt --check $(SCRIPTS)
	$(DENO) check --no-remote --no-npm $(SCRIPTS)

faults: environment-test $(SITE) ## plant faults one at a time and name the test that sees each (ARGS=word for some)
	@echo "Looking for a browser ..."
	$(RUN) -m book.tools.browser
	$(RUN) -m tests.faults --jobs $(JOBS) $(ARGS)

serve: book ## show the site on http://localhost:8000 (PORT=... for another port)
	$(RUN) -m http.server --bind localhost --directory _build/html $(PORT)

lab: environment-lab ## open the chapters in JupyterLab
	$(RUN) -m jupyterlab --notebook-dir=. --LabApp.default_url=/lab/tree/chapters

notebooks: environment-book ## execute the chapters and write them with their outputs
	$(RUN) -m book.tools.notebooks write

bench: book environment-test $(LABML) ## measure all implementations, the models in the page, and the front page
	OMP_NUM_THREADS=1 $(RUN) -m tests.benchmarks.engines --out _build/speed.json
	$(RUN) -m tests.benchmarks.live_model
	$(RUN) -m tests.benchmarks.pages

offline: book ## pack site, chapters and package into _build/feedback-lite-book.zip, to be read and run anywhere
	$(RUN) -m book.tools.offline

pdf: book ## print the whole book as one PDF, _build/feedback-lite-book.pdf
	@echo "Looking for a browser ..."
	$(RUN) -m book.tools.browser
	$(RUN) -m book.tools.pdf

links: book ## ask every outside address of the site and the README once (needs a network; no part of the tests)
	$(RUN) -m book.tools.links

versions: environment-book ## execute chapters with the newest versions (ARGS="--constraints FILE" for others)
	$(RUN) -m book.tools.versions $(ARGS)

audit: book environment-audit ## check the licences of all that ships or is pinned, and look up known vulnerabilities
	$(RUN) -m book.tools.audit

clean: ## remove the site and all caches
	rm -rf _build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find book chapters feedback_lite tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the environment too
	rm -rf .venv

environment-book:
	$(call set_up,book)

environment-test:
	$(call set_up,book test)

environment-lab:
	$(call set_up,book lab)

environment-audit:
	$(call set_up,book test lab audit)

# For `make bench` alone, in a folder of its own: its requirements would bring another torch. Where it cannot be
# installed, the benchmark says so and goes on without it.
$(LABML): | environment-test
	-$(RUN) -m pip install --quiet --no-deps --target $@ labml-nn==0.5.1 labml==0.5.3

# Built from nothing each time: Sphinx keeps quiet about old warnings and leaves the pages of removed sources.
$(SITE): $(SITE_SOURCES) | environment-book
	@echo "Building the site (a few seconds per chapter) ..."
	rm -rf $(SITE) _build/html _build/.doctrees _build/jupyter_execute
	.venv/bin/jupyter-book build . -n -W --keep-going
	@touch $(SITE)
