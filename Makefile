.PHONY: demo test versions mutants lint setup ready bench docs clean
run = .venv/bin
enter = @echo "in this shell: source .venv/bin/activate    (then: sdr-ota --help)"

demo: ready ## set up, then fine-tune a small OPT over the simulated air
	$(run)/sdr-ota run --demo
	$(enter)

test: ready lint ## set up, then everything CI checks
	@scripts/need-debian.sh chromium # looks at the pages
	@# two workers of one thread each; a file's tests stay together with what they share
	OMP_NUM_THREADS=1 $(run)/python -m pytest -q -m "not hardware" -n 2 --dist loadfile --durations 20

versions: ready ## what users install: wheel, sdist, each extra, lowest versions, other Pythons
	$(run)/python scripts/versions.py

mutants: ready ## whether tests find the faults of tests/mutants.md; about half an hour
	OMP_NUM_THREADS=1 $(run)/python scripts/mutants.py

lint: ready
	$(run)/ruff check .
	$(run)/ruff format --check .
	$(run)/mypy
	PYTHONPATH=calibration:flowgraphs $(run)/lint-imports
	$(run)/python scripts/check_house.py

setup: ready ## .venv with everything in it
	$(enter)

ready:
	@scripts/setup.sh

bench: ready ## every figure with its peer, as ratios on one page (build/bench); about half an hour
	$(run)/python benchmarks/page.py

docs: ready ## the documentation as a folder of pages: build/site/index.html
	PYTHONPATH=.:calibration:flowgraphs $(run)/python docs/site/build.py .

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
