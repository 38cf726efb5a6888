# make demo: hear a made-up nursery night, with the light device dependencies only.
# make check: style, types and the device's oldest Python, in half a minute, without TensorFlow.
# make examples: every folder of examples/, as continuous integration runs them. make picture: README's.
# make test: every test, in environments made for them; some rooms at a time, each said when it is done.
# make stages: tests with larger real parts, five minutes each at most; each skips with its reason where a part is missing.
# make mutants: do the tests notice mistakes? Seeded mutants of ten rooms of edge; half an hour on two quiet cores.
# make fuzz: wrong inputs for an hour (FUZZ_SECONDS); make test tries them for 40 s.
# make arm64: an emulated Raspberry Pi's userland, for instruction counts (Debian: qemu-user gcc mmdebstrap).
# make wheels: both distributions, for the device and for a PC, into dist/, the same bytes every time.
# make locks: systemd/locks anew, the packages that make install installs, each with the SHA-256 of its file.
# make man: the manual pages and bash's completions anew, of the programs' own --help.
# sudo make install, sudo make uninstall: the service, on the device. See systemd/install.
PYTHON ?= python3
DEMO_ENV = .venv-demo
DEMO_DB = demo-night.db
TEST_ENV = .venv-test
CHECK_ENV = .venv-check
# More than the cores of a small machine: much of the time, audio is being played.
JOBS = 5
OTHER_PYTHONS = python3.6 python3.13
# edge runs whole under a device's oldest and newest Python; here then only what depends on no version, or all of it where
# the newest is not to be had. Its commands take as long as all of its other rooms.
COMMANDS = tests/edge/commands
ONLY_ONCE := $(if $(shell tests/find_python 3.13 2>/dev/null),-m once)
ROOMS = $(COMMANDS) $(patsubst %/,%,$(filter-out tests/__pycache__/ tests/stages/,$(wildcard tests/*/ tests/test_*.py)))
# Each needs what make test does without (PyTorch, a browser, Home Assistant, a camera) and says so where it is not to be had.
STAGES = $(wildcard tests/stages/*/run)
STAGE_LIMIT_S = 300
# These come first, for no core to wait for them at the end.
LONGEST = tests/export python3.6 python3.13 tests/benchmarks tests/training $(COMMANDS) tests/test_docs.py tests/edge

EXAMPLES = $(wildcard examples/*/run)

.PHONY: demo check examples picture test fuzz mutants arm64 wheels locks man install uninstall clean stages \
  $(OTHER_PYTHONS) $(ROOMS) $(EXAMPLES) $(STAGES)

demo: $(DEMO_ENV)/ready
	rm -f $(DEMO_DB)*
	$(DEMO_ENV)/bin/cry-monitor demo --db $(DEMO_DB)

check: $(CHECK_ENV)/ready
	$(CHECK_ENV)/bin/ruff check .
	$(CHECK_ENV)/bin/ruff format --check .
	$(CHECK_ENV)/bin/vermin -t=3.6- --no-tips --violations --quiet edge setup.py
	$(CHECK_ENV)/bin/mypy

examples: $(EXAMPLES)

$(EXAMPLES): $(TEST_ENV)/ready
	PATH="$(CURDIR)/$(TEST_ENV)/bin:$$PATH" $@

picture: $(TEST_ENV)/ready
	$(TEST_ENV)/bin/python -m benchmarks.lib.night_picture

FUZZ_SECONDS ?= 3600

fuzz: $(TEST_ENV)/ready
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(TEST_ENV)/bin/python -m pytest tests/fuzz

test: $(TEST_ENV)/ready
	$(MAKE) --no-print-directory --jobs=$(JOBS) --keep-going --output-sync $(LONGEST) $(filter-out $(LONGEST),$(ROOMS))

# What the tests themselves make has jobs and variables of its own.
$(ROOMS):
	env -u MAKEFLAGS -u MFLAGS $(TEST_ENV)/bin/python -m pytest $@ \
	  $(if $(filter tests/edge,$@),--ignore=$(COMMANDS)) $(if $(filter tests/edge $(COMMANDS),$@),$(ONLY_ONCE))

$(OTHER_PYTHONS):
	tests/other_pythons $(@:python%=%)

stages: $(STAGES)

$(STAGES): $(TEST_ENV)/ready
	PATH="$(CURDIR)/$(TEST_ENV)/bin:$$PATH" timeout $(STAGE_LIMIT_S) $@

mutants: $(TEST_ENV)/ready
	$(TEST_ENV)/bin/python -m benchmarks.suite.mutants

arm64: .arm64/ready

.arm64/ready: benchmarks/device/boards/make_root
	benchmarks/device/boards/make_root .arm64

wheels:
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 1767225600)} \
	  $(PYTHON) -m pip wheel --quiet --no-deps --ignore-requires-python --wheel-dir dist . ./host

locks: $(TEST_ENV)/ready
	$(TEST_ENV)/bin/python -m pip install --quiet uv
	$(TEST_ENV)/bin/python systemd/make_locks.py

man: $(TEST_ENV)/ready
	$(TEST_ENV)/bin/python man/make_man.py

install:
	systemd/install

uninstall:
	systemd/uninstall

$(DEMO_ENV)/ready: setup.py
	$(PYTHON) -m venv $(DEMO_ENV)
	$(DEMO_ENV)/bin/python -m pip install --quiet --editable '.[device]'
	touch $@

$(CHECK_ENV)/ready: tests/check_requirements.txt
	$(PYTHON) -m venv $(CHECK_ENV)
	$(CHECK_ENV)/bin/python -m pip install --quiet --requirement tests/check_requirements.txt
	touch $@

$(TEST_ENV)/ready: setup.py
	$(PYTHON) -m venv $(TEST_ENV)
	$(TEST_ENV)/bin/python -m pip install --quiet --editable . --editable './host[test-all]'
	touch $@

clean:
	rm -rf $(DEMO_ENV) $(TEST_ENV) $(CHECK_ENV) .venv-edge-* .arm64 build dist *.egg-info $(DEMO_DB)*

# make detector DATA=DIR TEACHER=yamnet.tflite: train the four folds and what ships, export them, measure, fill the documents.
# About an hour on two cores; every training resumes where it was interrupted.
WORK = results/detector
TRAIN = KERAS_BACKEND=torch $(TEST_ENV)/bin/cry-train detector --data $(DATA) --teacher $(TEACHER) --work $(WORK)
EXPORT = $(TEST_ENV)/bin/edge-export --target rpi-int8

.PHONY: detector
detector: $(TEST_ENV)/ready
	$(TEST_ENV)/bin/python -m pip install --quiet torch
	$(TEST_ENV)/bin/cry-train calibration --data $(DATA)
	for fold in 1 2 3 4; do \
	  $(TRAIN) --fold $$fold --out $(WORK)/fold$$fold && rm -rf benchmarks/detection/detector_folds/fold$$fold && \
	  $(EXPORT) --model $(WORK)/fold$$fold --out benchmarks/detection/detector_folds/fold$$fold || exit 1; done
	$(TEST_ENV)/bin/python -m benchmarks.detection.detection_clips --data $(DATA) --yamnet $(TEACHER)
	$(TEST_ENV)/bin/python -m benchmarks.detection.detection_nights --data $(DATA)
	$(TRAIN) --out training/models/detector --decision benchmarks/results/detection_nights.json \
	  --metrics benchmarks/results/detection_clips.json
	rm -rf edge/default_bundle
	$(EXPORT) --out edge/default_bundle
	$(TEST_ENV)/bin/python -m benchmarks.device.speed --yamnet $(TEACHER)
	$(TEST_ENV)/bin/python -m benchmarks.lib.docs

# make verifier DATA=DIR TEACHER=yamnet.tflite: other sound from Debian, the cascade, its thresholds, export, measure.
DEBIAN = $(WORK)/debian

.PHONY: verifier
verifier: $(TEST_ENV)/ready
	$(TEST_ENV)/bin/cry-train corpora import debian --data $(DEBIAN)
	$(MAKE_VERIFIER)
	$(TEST_ENV)/bin/python -m benchmarks.detection.left_out_sources --data $(DATA) --also $(DEBIAN) --yamnet $(TEACHER)
	$(TEST_ENV)/bin/python -m benchmarks.detection.detection_clips --data $(DATA) --also $(DEBIAN) \
	  --yamnet $(TEACHER)
	$(TEST_ENV)/bin/python -m benchmarks.detection.detection_nights --data $(DATA) --also $(DEBIAN)
	$(MAKE_VERIFIER) --decision benchmarks/results/detection_nights.json --metrics benchmarks/results/detection_clips.json
	rm -rf edge/default_bundle
	$(EXPORT) --out edge/default_bundle
	$(TEST_ENV)/bin/python -m benchmarks.lib.docs

MAKE_VERIFIER = $(TEST_ENV)/bin/cry-train verifier --data $(DATA) --also $(DEBIAN) --yamnet $(TEACHER) \
  --out training/models/verifier

# make experts DATA=DIR: the experiments on donateacry's two domains, their table, and the experts that ship.
# About an hour on two cores; every training resumes where it was interrupted.
CAUSES = results/causes_donateacry

.PHONY: experts
experts: $(TEST_ENV)/ready
	$(TEST_ENV)/bin/python -m pip install --quiet torch
	KERAS_BACKEND=torch $(TEST_ENV)/bin/python -m benchmarks.studies.causes_donateacry --data $(DATA) --work $(CAUSES)
	$(TEST_ENV)/bin/python -m training.causes.release --data $(DATA) --out training/models \
	  training/experiments/donateacry_android.toml=$(CAUSES)/android-seed0 \
	  training/experiments/donateacry_ios.toml=$(CAUSES)/ios-seed0
	rm -rf edge/default_bundle
	$(EXPORT) --out edge/default_bundle
	$(TEST_ENV)/bin/python -m benchmarks.lib.docs

# make transformer DATA=DIR: the denoiser and the Transformer that ship. About half an hour on one core; resumes.
TRANSFORMER = results/transformer_pi

.PHONY: transformer
transformer: $(TEST_ENV)/ready
	$(TEST_ENV)/bin/python -m pip install --quiet torch
	KERAS_BACKEND=torch $(TEST_ENV)/bin/cry-train transformer --config training/experiments/transformer_pi.toml \
	  --data $(DATA) --out $(TRANSFORMER)
	$(TEST_ENV)/bin/python -m training.transformer.release --results $(TRANSFORMER) --out training/models
	rm -rf edge/default_bundle
	$(EXPORT) --out edge/default_bundle
