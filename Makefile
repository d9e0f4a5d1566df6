# The commands of this project; `make help` lists them. Needed: Rust (by rustup),
# Go and make, nothing else.

# One thing after the other, so that what is printed belongs together.
.NOTPARALLEL:
.DEFAULT_GOAL := help

# Never more than what Cargo.lock names.
cargo = cargo --locked
# The test cluster's program, in a cache that all of these share.
cluster = tests/controlplane/build.sh
# Its own tests use the build cache of that program: hence its flags.
go_test = cd tests/controlplane && GOWORK=off GOFLAGS= CGO_ENABLED=0 go test -trimpath ./internal/...
# promtool, and what reads the expressions of alerts and dashboard.
alerts = tests/alerts/build.sh
# The chart and deploy/, with helm, kustomize and kubeconform of tests/tools/go.mod.
chart_test = cd tests/tools && GOWORK=off GOFLAGS= CGO_ENABLED=0 go test -count=1 ./...
# What Argo CD's and Flux's libraries make of objects that the cluster tests recorded.
# The flags are those of the test cluster's build, whose cache has most of it already.
gitops_test = cd tests/gitops && GOWORK=off GOFLAGS= CGO_ENABLED=0 go test -trimpath -count=1 ./...
# The fault matrix; without options its sample.
faults_test = $(cluster) >/dev/null && $(cargo) test --test faults --
crds_test = $(cargo) test --lib -- --exact api::tests::the_files_are_what_is_generated

# Integration tests that need no cluster: all files and folders but those two.
without_cluster = $(filter-out cluster faults,$(basename $(notdir $(wildcard tests/*.rs))) \
                  $(notdir $(patsubst %/main.rs,%,$(wildcard tests/*/main.rs))))

# $(call step,heading,command): runs it; says how long it took, or that it failed.
define step
@printf '\n==> %s\n' '$(1)'; started=$$(date +%s); \
if ( $(2) ); then printf '    %s: passed, %s s\n' '$(1)' $$(($$(date +%s) - started)); \
else printf '\nmake: failed in the step "%s"\n' '$(1)' >&2; exit 1; fi
endef

.PHONY: help demo test tools format clippy lint unit doc crd-drift controlplane cluster faults-sample faults soak alerts build fmt crds readme reference docs bench performance profile seeds fuzz deny advisories cargo-deny chart chart-cluster chart-snapshots chart-crds install-yaml gitops gitops-files gitops-objects

help:
	@printf '%s\n' \
	  'make demo          see it work: a cluster, a simulated Integration Server, the operator;' \
	  '                   Control-C ends it and cleans up' \
	  'make demo ONCE=1   the same, with the deletion; ends by itself' \
	  'make test          everything that must pass: format, clippy, unit, doc and cluster tests, CRDs,' \
	  '                   Helm chart and manifests, alerts, GitOps, a sample of the fault matrix' \
	  '' \
	  'make unit          only the tests without a cluster' \
	  'make cluster       only those with one; TEST=name for one of them' \
	  'make faults        the whole fault matrix, half an hour; PLAN=text for one plan, FAULTS_FLAGS, see' \
	  '                   docs/reliability.md' \
	  'make soak          a long run under random faults; SOAK_MINUTES=30' \
	  'make lint          only format and clippy' \
	  'make fmt           format the code' \
	  'make crds          write crds/ anew from src/api' \
	  'make readme        write the tables in README.md and docs/metrics.md anew from the code' \
	  'make reference     write docs/reference/ and the tables of docs/conditions.md anew from src/api' \
	  'make docs          make a site of docs/ in target/book' \
	  'make chart         check the Helm chart and deploy/, without a cluster' \
	  'make chart-cluster the same, and install, upgrade and uninstall on a test cluster' \
	  'make alerts        check alert rules, dashboard and the form of the metrics with promtool' \
	  'make chart-crds chart-snapshots install-yaml' \
	  '                   write anew what is made of crds/ and of the chart' \
	  'make gitops        what Argo CD and Flux make of the resources, see tests/gitops' \
	  'make gitops-objects gitops-files' \
	  '                   record the objects for that on a test cluster; write anew what is made of them' \
	  'make bench         measure this operator and a plain Go operator, see docs/performance.md;' \
	  '                   QUICK=1 for a short run' \
	  'make performance   write docs/performance.md from the last whole run' \
	  'make profile       flame graphs of the operator and of the API server, in target/profile' \
	  'make fuzz          each fuzz target for FUZZ_SECONDS (600), see docs/fuzzing.md' \
	  'make seeds         write fuzz/seeds/ anew from the dialects of the simulator' \
	  'make deny          licenses, duplicate and forbidden crates, sources (deny.toml)' \
	  'make advisories    known faults of crates; needs the network' \
	  'make build         the programs, optimised: target/release/viis-operator, viis-simulator'

demo:
	@demo/run.sh $(if $(filter-out 0 no false,$(ONCE)),--once)

test: tools format clippy unit doc crd-drift alerts controlplane chart-cluster gitops cluster faults-sample
	@printf '\nmake test: everything passed\n'

# Parts of Rust that a minimal installation lacks.
tools:
	$(call step,tools,cargo fmt --version && cargo clippy --version || rustup component add rustfmt clippy)

lint: tools format clippy

format:
	$(call step,format,cargo fmt --all --check && cargo fmt --manifest-path fuzz/Cargo.toml --check)

clippy:
	$(call step,clippy,$(cargo) clippy --all-targets -- -D warnings)

unit:
	$(call step,unit tests,$(cargo) test --lib --bins --examples $(addprefix --test ,$(without_cluster)))

doc:
	$(call step,doc tests,$(cargo) test --doc)

crd-drift:
	$(call step,CRD drift,said=$$($(crds_test) 2>&1); [ "$${said#*1 passed}" != "$$said" ] || { echo "$$said"; echo "crds/ is not what src/api says: make crds"; false; })

controlplane:
	$(call step,test cluster: build,$(cluster))
	$(call step,test cluster: its own tests,$(go_test))

cluster:
ifdef TEST
	@$(cargo) test --quiet --test cluster -- --list $(TEST) | grep -q ': test$$' || { echo "make: no cluster test has $(TEST) in its name" >&2; exit 1; }
endif
	$(call step,cluster tests,$(cluster) >/dev/null && $(alerts) >/dev/null && $(cargo) test --test cluster $(if $(TEST),-- $(TEST)))

faults-sample:
	$(call step,faults: a sample,$(faults_test) --stands 6)

faults:
	$(faults_test) $(if $(PLAN),$(addprefix --plan ,$(PLAN)),$(or $(FAULTS_FLAGS),--singles --pairs))

SOAK_MINUTES ?= 30
soak:
	$(faults_test) --soak $(SOAK_MINUTES) $(FAULTS_FLAGS)

build:
	$(cargo) build --release --bins

fmt:
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml

crds:
	UPDATE_CRDS=1 $(crds_test)

readme:
	UPDATE_README=1 $(cargo) test --quiet --test readme the_tables
	UPDATE_README=1 $(cargo) test --quiet --lib the_table_in_the_docs

# The pages of docs/ that are made from src/api.
reference:
	UPDATE_REFERENCE=1 $(cargo) test --quiet --test book -- the_reference the_page_has

# The site. Not a part of `make test`: mdbook takes minutes to build, and is only run.
docs:
	$(call step,mdbook,mdbook --version || cargo install --locked --no-default-features --features search mdbook@0.5.4)
	$(call step,the site in target/book,mdbook build book)

# The figures of the last whole run.
bench_results = target/bench/results.jsonl
bench:
	@mkdir -p target/bench
	$(cargo) bench --bench bench -- $(if $(QUICK),--quick,$(if $(BENCH_FLAGS),,--output $(CURDIR)/$(bench_results))) $(BENCH_FLAGS)

# docs/performance.md from the last whole run; without one, from bench/results.jsonl.
performance:
	$(cargo) run --quiet --example performance -- $(wildcard $(bench_results))

# Flame graphs in target/profile; SIZES="200x10" for other sizes.
profile:
	@bench/profile.sh $(SIZES)

seeds:
	UPDATE_SEEDS=1 $(cargo) test --bin viis-simulator the_seeds_are

fuzz:
	@fuzz/run.sh

# Each installs cargo-deny from crates.io when it is missing; that takes minutes.
deny: cargo-deny
	$(call step,supply chain,cargo deny --locked check bans licenses sources)

# Apart: this one needs a database that is fetched from the network.
advisories: cargo-deny
	$(call step,advisories,cargo deny --locked check advisories)

cargo-deny:
	$(call step,cargo-deny,cargo deny --version || cargo install --locked cargo-deny@0.20.2)

chart:
	$(call step,chart: tools,tests/tools/build.sh)
	$(call step,chart and manifests,$(chart_test))

alerts:
	$(call step,alerts: tools,$(alerts))
	$(call step,alerts and dashboard,tests/alerts/check.sh)

chart-cluster:
	$(call step,chart: tools,tests/tools/build.sh && $(cluster))
	$(call step,chart on a cluster,export VIIS_CHART_CLUSTER=true; $(chart_test))

# What is made of crds/ and of the chart.
chart-snapshots:
	UPDATE_SNAPSHOTS=1 sh -c '$(chart_test) -run TestSnapshots'

chart-crds:
	UPDATE_CHART_CRDS=1 sh -c '$(chart_test) -run TestCRDsAreThoseOfTheOperator'

install-yaml:
	UPDATE_INSTALL_YAML=1 sh -c '$(chart_test) -run TestInstallYAML$$'

gitops:
	$(call step,Argo CD and Flux,$(gitops_test))

gitops-files:
	UPDATE_GITOPS=1 sh -c '$(gitops_test)'

gitops-objects:
	$(cluster) >/dev/null && UPDATE_GITOPS=1 $(cargo) test --test cluster -- gitops::
	$(MAKE) gitops-files
